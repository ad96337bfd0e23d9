"""A client as people who used the original system have it: it prints what came back, and expects no gRPC error.

usage: lender_client.py <host:port> DbToHdfs | BlockLocations -f <path> | CalcAvgLoan -c <county code>

lender_pb2 and lender_pb2_grpc, made by grpcio-tools from schema/lender.proto, are on PYTHONPATH.
"""

import argparse

import grpc
import lender_pb2
import lender_pb2_grpc


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("call", choices=["DbToHdfs", "BlockLocations", "CalcAvgLoan"])
    parser.add_argument("-f", "--file", default="")
    parser.add_argument("-c", "--code", type=int, default=0)
    args = parser.parse_args()

    lender = lender_pb2_grpc.LenderStub(grpc.insecure_channel(args.address))
    if args.call == "DbToHdfs":
        print(lender.DbToHdfs(lender_pb2.Empty()).status)
    elif args.call == "BlockLocations":
        answer = lender.BlockLocations(lender_pb2.BlockLocationsReq(path=args.file))
        print(f"error: {answer.error}" if answer.error else answer.block_entries)
    else:
        answer = lender.CalcAvgLoan(lender_pb2.CalcAvgLoanReq(county_code=args.code))
        print(f"error: {answer.error}" if answer.error else f"{answer.avg_loan}\n{answer.source}")


main()
