"""Logging. Loguru writes all log lines to stdout, including those of the standard library's loggers."""

import inspect
import json
import logging
import re
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from loguru import logger

from cathouse_kit.context import RequestContext, current_request
from cathouse_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from loguru import Message, Record

_CONSOLE = "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <8}</level> {message} <dim>{extra[context]}</dim>"
# Libraries with INFO lines that repeat the kit's own lines.
_QUIET = ("alembic", "asyncio", "httpcore", "httpx", "uvicorn")


def configure_logging(settings: ServiceSettings, *, to_stderr: bool = False) -> None:
    """Write every log line of the process to stdout, in the format of the settings.

    Commands use `to_stderr`, because their stdout is their result. Call this once, in the main program of the process.
    Importing or creating an app does not call it.
    """
    global _json_sink
    logger.remove()
    _json_sink = None
    logger.configure(extra={"service": settings.service_name}, patcher=_add_request)
    stream = "stderr" if to_stderr else "stdout"
    if settings.log_format == "json":
        write = partial(_write_json, stream)
        handler = logger.add(write, level=settings.log_level, format="{message}", catch=True)
        level = logger.level(settings.log_level).no
        _json_sink = _JsonSink(stream, settings.service_name, handler, level)
    else:
        logger.add(
            getattr(sys, stream),
            level=settings.log_level,
            format=_console_format,
            backtrace=settings.debug,
            diagnose=False,  # it would show the values of variables, which may be secrets
        )
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.NOTSET, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("sqlalchemy").setLevel(logging.INFO if settings.debug else logging.WARNING)


@dataclass(frozen=True, slots=True)
class _JsonSink:
    """Loguru's handler for JSON, created by `configure_logging`."""

    stream: str
    service: str
    handler: int
    level: int

    def gets_alone(self, level: int) -> bool:
        """Return whether loguru would pass a line of this level only to this handler, unchanged."""
        # Loguru has no public list of its sinks.
        core = logger._core  # type: ignore[attr-defined]
        return (
            level >= self.level
            and list(core.handlers) == [self.handler]
            and core.patcher is _add_request
            and not core.activation_list
        )


_json_sink: _JsonSink | None = None


def log_request(
    request: RequestContext, *, method: str, route: str, status: int, seconds: float
) -> None:
    """Log the line of a request that has ended.

    If this module's JSON handler is loguru's only sink, write the line directly. Loguru is 10 times slower, mostly
    because it finds the caller's frame and creates a record that nothing else reads.
    """
    level, number = ("WARNING", 30) if status >= 500 else ("INFO", 20)
    fields = {
        "logger": "cathouse_kit.request",
        "method": method,
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "client": request.client,
    }
    if _json_sink is not None and _json_sink.gets_alone(number):
        line = {
            "timestamp": _timestamp(datetime.now(UTC)),
            "level": level.lower(),
            "service": _json_sink.service,
            "message": "request",
            "request_id": request.request_id,
            "trace_id": request.trace.trace_id,
            **fields,
        }
        with suppress(OSError, ValueError):
            _write(_json_sink.stream, line)
            return
    # Also after a failed write, which loguru then reports.
    logger.bind(**fields).log(level, "request")


def _add_request(record: "Record") -> None:
    if request := current_request.get():
        record["extra"].setdefault("request_id", request.request_id)
        record["extra"].setdefault("trace_id", request.trace.trace_id)


def _console_format(record: "Record") -> str:
    shown = {key: value for key, value in record["extra"].items() if key not in _HIDDEN_ON_CONSOLE}
    record["extra"]["context"] = " ".join(
        f"{key}={_one_word(value)}" for key, value in shown.items()
    )
    return _CONSOLE + "\n{exception}"


def _one_word(value: object) -> str:
    """Return a value as one word of a line, so that programs can read the line too."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[\s"]', text) else text


_HIDDEN_ON_CONSOLE = {"service", "trace_id", "context", "logger"}


def _write_json(stream: str, message: "Message") -> None:
    # Several times faster than loguru's serialize=True, which also writes unused fields.
    record = message.record
    extra = {"logger": record["name"], **record["extra"]}
    line = {
        "timestamp": _timestamp(record["time"].astimezone(UTC)),
        "level": record["level"].name.lower(),
        "service": extra.pop("service", None),
        "message": record["message"],
        "request_id": None,
        "trace_id": None,
        **extra,
    }
    if error := record["exception"]:
        line["exception"] = "".join(traceback.format_exception(*error))
    _write(stream, line)


def _timestamp(utc: datetime) -> str:
    return utc.isoformat(timespec="milliseconds")[:-6] + "Z"


def _write(stream: str, line: dict[str, Any]) -> None:
    buffer = getattr(sys, stream).buffer
    buffer.write(_encode(line) + b"\n")
    buffer.flush()


def _encode(line: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Lone surrogates and integers of more than 64 bits are rare, but the line must not be lost.
        return json.dumps(line, default=str).encode()


class _ToLoguru(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        # Skip the frames of the module logging, so that loguru names the line that logged.
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame = frame.f_back
            depth += 1
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            self.handleError(record)
            return
        logger.bind(logger=record.name).opt(depth=depth, exception=record.exc_info).log(
            level, message
        )
