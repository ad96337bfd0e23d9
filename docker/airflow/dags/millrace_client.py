"""Millrace over GraphQL, with nothing but Python's own library."""

from __future__ import annotations

import base64
import json
from http.client import HTTPException
from typing import Any, TypedDict
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ANSWER_SECONDS = 30
JOB_FIELDS = "id state message errorCode progress { done total unit }"
INGEST = f"mutation($date: LocalDate!, $force: Boolean!) {{ job: ingestCitizens(date: $date, force: $force, wait: false) {{ {JOB_FIELDS} }} }}"
RUN = f"mutation($date: LocalDate!) {{ job: runWarehouse(date: $date, wait: false) {{ {JOB_FIELDS} }} }}"
JOB = f"query($id: ID!) {{ job(id: $id) {{ {JOB_FIELDS} }} }}"


class Progress(TypedDict):
    done: int
    total: int | None
    unit: str


class Job(TypedDict):
    id: str
    state: str
    message: str | None
    errorCode: str | None
    progress: Progress


class Refused(Exception):
    """The server understood and said no; `code` is one of those in Millrace's errors."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code


class Unanswered(Exception):
    """No answer came, or none of Millrace's: the same call may do later. A mutation may have been carried out."""


class Millrace:
    """A server by the URL of its GraphQL endpoint; user and password are sent where something before the server asks for them."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None):
        self._url = url
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if user or password:
            pair = f"{user or ''}:{password or ''}".encode()
            self._headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"

    def ingest(self, date: str, force: bool = False) -> Job:
        """Starts to land the day's files; `date` is YYYY-MM-DD. The job may be queued behind others of the date."""
        return self._job(INGEST, date=date, force=force)

    def run(self, date: str) -> Job:
        """Starts a run of the date. Of a date that is published from the same inputs nothing is done again."""
        return self._job(RUN, date=date)

    def job(self, id: str) -> Job:
        """How far a job is now."""
        return self._job(JOB, id=id)

    def _job(self, document: str, **variables: Any) -> Job:
        """Raises Refused and Unanswered."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        answer = self._post(body)
        errors = answer.get("errors")
        if errors:
            extensions = errors[0].get("extensions") or {}
            hint = extensions.get("hint")
            raise Refused(extensions.get("code", "INTERNAL"), " ".join(filter(None, [errors[0]["message"], hint])))
        return answer["data"]["job"]

    def _post(self, body: bytes) -> dict[str, Any]:
        request = Request(self._url, data=body, headers=self._headers, method="POST")
        try:
            with urlopen(request, timeout=ANSWER_SECONDS) as response:
                text = response.read()
        except HTTPError as error:
            # Of a refused request GraphQL over HTTP says why in the body.
            text = error.read()
            if error.code in (401, 403) and not _is_answer(text):
                raise Refused("FORBIDDEN", f"{self._url} answered HTTP {error.code}.") from None
            if not _is_answer(text):
                raise Unanswered(f"{self._url} answered HTTP {error.code}.") from None
        except (OSError, HTTPException) as error:
            raise Unanswered(f"{self._url} did not answer: {error}") from None
        if not _is_answer(text):
            raise Unanswered(f"{self._url} answered, but not with GraphQL: is there a Millrace?")
        return json.loads(text)


def _is_answer(text: bytes) -> bool:
    try:
        answer = json.loads(text)
    except ValueError:
        return False
    return isinstance(answer, dict) and ("data" in answer or "errors" in answer)
