"""Every error as problem+json (RFC 9457), in the language of whoever asks.

{"type": "/docs/errors#not-found", "title": …, "status": 404, "code": "not-found", "detail": …, "facts": {…}, "request": id}

`code` is stable, `facts` are the values that the text was made from; what went wrong inside the node stays in its log.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from anlan.model.errors import AnlanError
from anlan.model.languages import Language, translate
from anlan.web.answers import Json
from anlan.web.logs import SECRET
from anlan.web.refusing import record_refusal

TITLES = {
    "input": "the request is not valid",
    "config": "the configuration is not valid",
    "unit": "the unit is not valid",
    "expression": "the expression is not valid",
    "plant-mistakes": "the plant folder has mistakes",
    "stale-base": "the plant folder rests on another version",
    "base-moved": "the plant's version has moved on",
    "trial-needed": "the change needs its replayed effect",
    "trial-unfit": "the trial is not of this change",
    "second-person-needed": "loosening takes a second person",
    "request-void": "the request is void",
    "study": "the study has a mistake",
    "study-mistakes": "the study has mistakes",
    "stale-study": "the study rests on another version",
    "fault-tree": "the fault or event tree has a mistake",
    "tree-question": "the question does not fit the tree",
    "bayesian-net": "the Bayesian net has a mistake",
    "net-question": "the question does not fit the net",
    "bow-tie": "the bow-tie has a mistake",
    "lopa": "the layers of protection have a mistake",
    "safety-function": "the figures describe no safety function",
    "failure-data": "the counts of failures do not fit",
    "sheet-mistakes": "the worksheet has mistakes",
    "sheet-moved": "another version of the worksheet came between",
    "own-work": "another person reviews and signs",
    "identification-incomplete": "the identification is not complete",
    "identification-moved": "the plant has changed since it was looked at",
    "draft-mistakes": "the draft has mistakes",
    "version-mistakes": "that version has mistakes",
    "rule-mistakes": "the alarm as changed has mistakes",
    "book-mistakes": "the workbook has mistakes",
    "command-refused": "the step is refused",
    "not-found": "not found",
    "method": "not this method",
    "read-only": "read-only",
    "forbidden": "not allowed",
    "password-change-needed": "choose an own password first",
    "factor-enrolment-needed": "set up a second factor first",
    "second-factor-needed": "a code of the second factor is needed",
    "not-signed-in": "not signed in",
    "too-many-tries": "too many tries",
    "too-many-requests": "too many requests",
    "store": "the store cannot be used now",
    "log-full": "the log is full",
    "corrupt": "stored data are damaged",
    "gap": "these data are no longer kept",
    "unavailable": "a part of the node does not answer",
    "gone": "no longer available",
    "foreign-origin": "the request comes from a foreign page",
    "key-reused": "the Idempotency-Key was used for another request",
    "not-your-post": "the alarm belongs to another post",
    "witness-refused": "the head does not fit what the witness holds",
    "another-address": "the station's key is good from its own address alone",
    "driver": "a device or its protocol failed",
    "not-reached": "the device was not reached",
    "too-many-looks": "too many looks at devices",
    "addition-mistakes": "what is added has mistakes",
    "drawing-mistakes": "the drawing has mistakes",
    "too-large": "the request is too large",
    "at-no-post": "this takes a session at a post",
    "same-person": "the next person signs",
    "cannot-print": "nothing can be printed",
    "internal": "an error inside the node",
}
"""Code → title (English msgid)."""

EXPECTED = {
    "missing": "this is required",
    "extra_forbidden": "no such field is known here",
    "json_invalid": "this is no JSON: {error}",
    "model_attributes_type": "an object was expected",
    "model_type": "an object was expected",
    "dict_type": "an object was expected",
    "list_type": "a list was expected",
    "too_short": "at least {min_length} entries were expected, {actual_length} were given",
    "too_long": "at most {max_length} entries were expected",
    "string_type": "text was expected",
    "string_too_short": "at least {min_length} characters were expected",
    "string_too_long": "at most {max_length} characters were expected",
    "string_pattern_mismatch": "text of the form {pattern} was expected",
    "int_type": "a whole number was expected",
    "int_parsing": "a whole number was expected",
    "int_parsing_size": "a smaller whole number was expected",
    "int_from_float": "a whole number was expected",
    "float_type": "a number was expected",
    "float_parsing": "a number was expected",
    "finite_number": "a finite number was expected",
    "bool_type": "true or false was expected",
    "bool_parsing": "true or false was expected",
    "greater_than": "a number greater than {gt} was expected",
    "greater_than_equal": "a number of at least {ge} was expected",
    "less_than": "a number less than {lt} was expected",
    "less_than_equal": "a number of at most {le} was expected",
    "literal_error": "one of these was expected: {expected}",
    "enum": "one of these was expected: {expected}",
    "uuid_type": "an id (UUID) was expected",
    "uuid_parsing": "an id (UUID) was expected",
    "none_required": "null was expected",
}
"""Pydantic's type of mistake → what was expected (English msgid, filled with pydantic's facts)."""

SECRET_FIELDS = (*SECRET, "code", "old", "new", "key", "pin", "signature")
"""Parts of names of fields that carry, or may carry, what nobody else may read."""

BY_STATUS = {
    400: "input",
    401: "not-signed-in",
    403: "forbidden",
    404: "not-found",
    405: "method",
    413: "too-large",
    415: "input",
    422: "input",
}

log = structlog.get_logger()


class Problem(Json):
    media_type = "application/problem+json"


def problem(connection: HTTPConnection, code: str, status: int, detail: str, facts: dict[str, Any] | None = None) -> Problem:
    """The answer; `detail` is already in the asker's language."""
    language = language_of(connection)
    title = translate(TITLES.get(code, ""), language) or _phrase(status)
    headers = {"Retry-After": str(facts["seconds"])} if facts and status == 429 and "seconds" in facts else None
    content = {
        "type": f"/docs/errors#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "facts": facts or {},
        "request": connection.scope.get("state", {}).get("request_id", ""),
    }
    return Problem(content, status_code=status, headers=headers)


def language_of(connection: HTTPConnection) -> Language:
    """What a sign-in asks for; the principal's; without one that of Accept-Language."""
    state = connection.scope.get("state", {})
    principal = state.get("principal")
    if "language" in state:
        asked: Language = state["language"]
        return asked
    if principal is not None:
        language: Language = principal.language
        return language
    return accepted_language(connection)


def accepted_language(connection: HTTPConnection) -> Language:
    """The first of Accept-Language that we speak, else Chinese."""
    for part in connection.headers.get("accept-language", "").lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"


def say(connection: HTTPConnection, message: str, **facts: Any) -> str:
    """An English msgid in the asker's language, filled in."""
    return translate(message, language_of(connection)).format(**facts)


def of_error(connection: HTTPConnection, error: AnlanError) -> Problem:
    record_refusal(connection, error)
    return problem(connection, error.code, error.status, error.text(language_of(connection)), error.facts)


def method_not_allowed(connection: HTTPConnection, allowed: str) -> Problem:
    """`allowed`: the methods that the path takes, as the header Allow tells them (RFC 9110, 15.5.6)."""
    facts = {"method": connection.scope["method"], "path": connection.url.path[:200], "allowed": allowed}
    answer = problem(connection, "method", 405, say(connection, "{path} takes {allowed}, not {method}", **facts), facts)
    answer.headers["Allow"] = allowed
    return answer


def install(app: FastAPI) -> None:
    app.add_exception_handler(AnlanError, _anlan)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, of_http)


async def _anlan(request: Request, error: Exception) -> Problem:
    assert isinstance(error, AnlanError)
    if error.status >= 500:
        log.error("request failed", code=error.code, error=str(error), path=request.url.path)
    return of_error(request, error)


async def _validation(request: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(one, language_of(request)) for one in error.errors()]
    first = faults[0] if faults else {"where": "body", "expected": ""}
    detail = say(request, "{where}: {expected}", where=first["where"], expected=first["expected"])
    return problem(request, "input", 422, detail, {"errors": faults})


async def of_http(request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    code = BY_STATUS.get(error.status_code, "input" if error.status_code < 500 else "internal")
    if error.status_code == 405:
        return method_not_allowed(request, (error.headers or {}).get("Allow", ""))
    answer = problem(request, code, error.status_code, say(request, str(error.detail).replace("{", "{{").replace("}", "}}")))
    answer.headers.update(error.headers or {})
    return answer


def unexpected(connection: HTTPConnection) -> Problem:
    """The answer to what nobody foresaw; the error itself is only in the log."""
    return problem(connection, "internal", 500, say(connection, "the node's log has the details under this request id"))


def _fault(one: Any, language: Language) -> dict[str, str]:
    found = _found(one)
    return {
        "where": ".".join(str(step) for step in one["loc"]),
        "expected": _expected(one, language),
        "found": found if len(found) <= 200 else found[:200] + "…",
    }


def _found(one: Any) -> str:
    """What was given, but nothing that may be a secret: no value of a field with a telling name, of one that is not known here (a slip of
    the pen for such a one), and of an object only the names of its fields."""
    given, place = one.get("input"), [str(step).lower() for step in one["loc"]]
    if isinstance(given, dict):
        return f"{{{', '.join(str(name)[:40] for name in given)}}}"
    if one["type"] == "extra_forbidden" or place == ["body"] or any(word in place[-1] for word in SECRET_FIELDS):
        return type(given).__name__
    return repr(given)


def _expected(one: Any, language: Language) -> str:
    """By pydantic's stable type of mistake; what `EXPECTED` does not list is told as pydantic says it."""
    facts = one.get("ctx") or {}
    if isinstance(facts.get("error"), AnlanError):
        return str(facts["error"].text(language))
    message = EXPECTED.get(one["type"])
    return translate(message, language).format(**facts) if message else str(one["msg"])


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
