"""Each day's citizens to the warehouse. Airflow says when and tries again; Millrace does the work.

The connection `millrace` is where the server is: AIRFLOW_CONN_MILLRACE=http://127.0.0.1:4000/graphql. The other variables are below.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, NoReturn

import pendulum
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, Connection, CronDataIntervalTimetable, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from millrace_client import Job, Millrace, Refused, Unanswered

CONNECTION = "millrace"
# A run is of the day at which its interval begins: at three o'clock, of the day before.
SCHEDULE = os.environ.get("MILLRACE_DAG_SCHEDULE", "0 3 * * *")
TIME_ZONE = os.environ.get("MILLRACE_WAREHOUSE_TIME_ZONE") or "UTC"
# Where it is set, every date from this one on gets a run, the earliest first; else only those to come.
FIRST_DATE = os.environ.get("MILLRACE_DAG_FIRST_DATE") or None
POLL_SECONDS = float(os.environ.get("MILLRACE_DAG_POLL_SECONDS", "20"))
RETRIES = int(os.environ.get("MILLRACE_DAG_RETRIES", "6"))
RETRY_SECONDS = float(os.environ.get("MILLRACE_DAG_RETRY_SECONDS", "600"))
# Polls without an answer, one after the other, before the attempt is given up: a server may be restarted meanwhile.
MOST_UNANSWERED = 15

# Trying again does not help where the data, the transforms or the rights have to be changed first. A file that has not come is NOT_FOUND.
FINAL_CODES = {"BAD_USER_INPUT", "CONFLICT", "FORBIDDEN", "UNAUTHENTICATED"}


class MillraceJobOperator(BaseOperator):
    """Starts a job of Millrace for the date of the run and waits for its end, without a worker slot while it waits.

    A job that ended without success fails the attempt, and the next attempt starts another one: dates are safe to be run again. So it is
    with a job that was cancelled, which is what a server does that is stopped. Only where trying again cannot help the task fails for good.
    """

    def __init__(self, *, work: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.work = work

    def execute(self, context: Any) -> NoReturn:
        date = date_of(context)
        server = millrace()
        try:
            job = server.ingest(date, force=context["params"]["force"]) if self.work == "ingest" else server.run(date)
        except Refused as error:
            raise failure(error.code, str(error)) from None
        except Unanswered as error:
            raise AirflowException(str(error)) from None
        self.log.info("Started job %s: %s %s", job["id"], self.work, date)
        context["ti"].xcom_push(key="job", value=job["id"])
        self.wait(context, unanswered=0)

    def look(self, context: Any, event: Any = None) -> str:
        """After each wait. XComs stay over a wait, and are gone at the next attempt."""
        ti = context["ti"]
        id = ti.xcom_pull(task_ids=self.task_id, key="job", map_indexes=ti.map_index)
        try:
            job = millrace().job(id)
        except Refused as error:
            raise failure(error.code, f"job {id}: {error}") from None
        except Unanswered as error:
            unanswered = 1 + ti.xcom_pull(task_ids=self.task_id, key="unanswered", map_indexes=ti.map_index)
            self.log.warning("%s", error)
            if unanswered > MOST_UNANSWERED:
                raise AirflowException(f"job {id}: {error}") from None
            self.wait(context, unanswered)
        if job["state"] in ("QUEUED", "RUNNING"):
            self.log.info("%s", describe(job))
            self.wait(context, unanswered=0)
        if job["state"] != "SUCCEEDED":
            raise failure(job["errorCode"], f"job {id} ended as {job['state']}: {job['message']}")
        self.log.info("%s", job["message"])
        return job["message"] or ""

    def wait(self, context: Any, unanswered: int) -> NoReturn:
        context["ti"].xcom_push(key="unanswered", value=unanswered)
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=POLL_SECONDS)), method_name="look")


def millrace() -> Millrace:
    connection = Connection.get(CONNECTION)
    port = f":{connection.port}" if connection.port else ""
    scheme = "https" if connection.conn_type == "https" else "http"
    url = f"{scheme}://{connection.host}{port}/{connection.schema or 'graphql'}"
    return Millrace(url, connection.login, connection.password)


def date_of(context: Any) -> str:
    """YYYY-MM-DD, in the time zone of the schedule."""
    chosen = context["params"]["date"]
    if chosen:
        return chosen
    logical_date = context.get("logical_date")
    if logical_date is None:
        raise AirflowFailException("This run has no logical date: trigger it with one, or with the parameter date.")
    return logical_date.in_timezone(TIME_ZONE).to_date_string()


def failure(code: str | None, reason: str) -> AirflowException:
    return AirflowFailException(reason) if code in FINAL_CODES else AirflowException(reason)


def describe(job: Job) -> str:
    done, total, unit = job["progress"]["done"], job["progress"]["total"], job["progress"]["unit"]
    return f"{job['state']}: {job['message'] or 'waiting'} ({done} of {'?' if total is None else total} {unit})"


with DAG(
    dag_id="millrace_warehouse",
    description="Lands each day's citizens in the storage and publishes what the transforms make of them.",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone=TIME_ZONE),
    start_date=pendulum.parse(FIRST_DATE or "2026-01-01", tz=TIME_ZONE),
    catchup=FIRST_DATE is not None,
    # A date goes on from the history of the one before.
    max_active_runs=1,
    default_args={"retries": RETRIES, "retry_delay": timedelta(seconds=RETRY_SECONDS)},
    params={
        "date": Param(None, type=["null", "string"], format="date", description="Instead of the logical date of the run."),
        "force": Param(False, type="boolean", description="Whether another file may take the place of the one that is landed."),
    },
    tags=["millrace"],
):
    ingest = MillraceJobOperator(task_id="ingest", work="ingest")
    publish = MillraceJobOperator(task_id="publish", work="run")
    ingest >> publish
