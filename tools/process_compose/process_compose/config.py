"""The configuration file: its supported keys, and how it is read. Other keys are refused by name."""

import os
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from process_compose.errors import UserError
from process_compose.expansion import expand

Condition = Literal[
    "process_started",
    "process_healthy",
    "process_completed",
    "process_completed_successfully",
    "process_log_ready",
]


def _plain_text(value: object) -> object:
    """Convert a bare `true` or `8080` to text where text is expected."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and "\0" in value:
        raise ValueError("NUL characters are not allowed: remove them")
    if isinstance(value, str) and "{{" in value:
        raise ValueError("templates of process-compose are not supported: remove '{{'")
    return value


def _assignment(value: str) -> str:
    name, separator, _ = value.partition("=")
    if not (name and separator):
        raise ValueError(f"{value!r} is not of the form NAME=value")
    return value


def _port(value: str) -> str:
    if not (value.isdecimal() and value.isascii() and 0 < int(value) < 65536):
        raise ValueError(f"{value!r} is not a port: write a number from 1 to 65535")
    return value


Text = Annotated[str, BeforeValidator(_plain_text)]
FilledText = Annotated[Text, Field(min_length=1)]
Assignment = Annotated[Text, AfterValidator(_assignment)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        for key in data:
            if key not in cls.model_fields and not str(key).startswith("x-"):
                supported = ", ".join(cls.model_fields)
                raise ValueError(f"key {key!r} is not supported here: use one of {supported}")
        return data


class HttpGet(_Section):
    host: FilledText = "127.0.0.1"
    port: Annotated[Text, AfterValidator(_port)] = "80"
    path: Annotated[Text, Field(pattern=r"^/\S*$")] = "/"
    scheme: Literal["http"] = "http"
    headers: dict[str, Text] = {}
    status_code: Annotated[int, Field(ge=100, lt=400)] = 200


class ExecCommand(_Section):
    command: FilledText
    working_dir: Text | None = None


class Probe(_Section):
    http_get: HttpGet | None = None
    exec: ExecCommand | None = None
    initial_delay_seconds: Count = 0
    period_seconds: Positive = 10
    timeout_seconds: Positive = 1
    # process-compose accepts a higher number but ignores it: the first success counts.
    success_threshold: Literal[1] = 1
    failure_threshold: Positive = 3

    @model_validator(mode="after")
    def _one_kind_of_probe(self) -> Self:
        if (self.http_get is None) == (self.exec is None):
            raise ValueError("a probe needs either http_get or exec, and not both")
        return self


class Dependency(_Section):
    condition: Condition


class Availability(_Section):
    restart: Literal["no", "always", "on_failure", "exit_on_failure"] = "no"
    backoff_seconds: Count = 1
    max_restarts: Count = 0
    exit_on_end: bool = False
    exit_on_skipped: bool = False

    def restarts_after(self, exit_code: int, restarts_so_far: int) -> bool:
        """Return True when an ended process is to start again. `max_restarts: 0` means no limit."""
        if self.max_restarts and restarts_so_far >= self.max_restarts:
            return False
        return self.restart == "always" or (self.restart == "on_failure" and exit_code != 0)

    def ends_project_after(self, exit_code: int) -> bool:
        return self.exit_on_end or (self.restart == "exit_on_failure" and exit_code != 0)


class Shutdown(_Section):
    command: FilledText | None = None
    signal: Annotated[int, Field(ge=1, le=31)] = 15
    # None: wait for the end of the process without a limit after the signal.
    timeout_seconds: Positive | None = None
    parent_only: bool = False


class LogConfiguration(_Section):
    # This program always flushes each line. process-compose does so only with this setting.
    flush_each_line: bool = True


class ProcessConfig(_Section):
    command: FilledText
    description: Text = ""
    disabled: bool = False
    namespace: Text = "default"
    working_dir: FilledText | None = None
    environment: list[Assignment] = []
    depends_on: dict[str, Dependency] = {}
    readiness_probe: Probe | None = None
    ready_log_line: FilledText | None = None
    availability: Availability = Availability()
    shutdown: Shutdown = Shutdown()
    log_location: FilledText | None = None
    log_configuration: LogConfiguration | None = None


class Shell(_Section):
    shell_command: FilledText
    shell_argument: FilledText


class ProjectConfig(_Section):
    version: Text = ""
    name: Text = ""
    is_strict: bool = False
    is_tui_disabled: bool = True
    ordered_shutdown: bool = False
    log_level: Text = ""
    log_location: FilledText | None = None
    log_configuration: LogConfiguration | None = None
    environment: list[Assignment] = []
    shell: Shell = Field(
        default_factory=lambda: Shell(
            shell_command=os.environ.get("COMPOSE_SHELL", "bash"), shell_argument="-c"
        )
    )
    processes: Annotated[dict[str, ProcessConfig], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, process in self.processes.items():
            for dependency_name, dependency in process.depends_on.items():
                self._check_dependency(name, dependency_name, dependency)
            if process.readiness_probe and process.ready_log_line:
                raise ValueError(
                    f"process {name!r}: has both readiness_probe and ready_log_line: remove one"
                )
        for cycle in _cycles({name: list(p.depends_on) for name, p in self.processes.items()}):
            raise ValueError(
                f"depends_on forms a cycle: {' -> '.join(cycle)}: remove one of these dependencies"
            )
        if all(process.disabled for process in self.processes.values()):
            raise ValueError("every process is disabled: enable at least one")
        return self

    def _check_dependency(self, name: str, dependency_name: str, dependency: Dependency) -> None:
        where = f"process {name!r}: depends_on {dependency_name!r}"
        target = self.processes.get(dependency_name)
        if target is None:
            raise ValueError(f"{where}: no process has this name")
        if target.disabled and not self.processes[name].disabled:
            raise ValueError(f"{where}: this process is disabled")
        if dependency.condition == "process_healthy" and target.readiness_probe is None:
            raise ValueError(
                f"{where}: process_healthy needs a readiness_probe in {dependency_name!r}"
            )
        if dependency.condition == "process_log_ready" and target.ready_log_line is None:
            raise ValueError(
                f"{where}: process_log_ready needs a ready_log_line in {dependency_name!r}"
            )


def load(path: Path) -> ProjectConfig:
    """Read `path` and replace its `${NAME}` with variables of the environment.

    Raises UserError when the file cannot be read, or contains anything that is not supported.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte {error.start} is not UTF-8: save the file as UTF-8"
        ) from error
    try:
        data = yaml.load(expand(text, os.environ), Loader=_Loader)  # noqa: S506 - a SafeLoader
        return ProjectConfig.model_validate(data)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: {_yaml_problem(error)}") from error
    except ValidationError as error:
        raise UserError(f"{path}: {_first_problem(error)}") from error


class _Loader(yaml.SafeLoader):
    """Reads scalars as YAML 1.2 does (`no` and `12:30` are text) and refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value!r} is repeated: remove one",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


_RESOLVERS = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
)
# Keyed by the first character of a scalar. `add_implicit_resolver` is not used because its type stubs are wrong.
_Loader.yaml_implicit_resolvers = {
    character: [
        (f"tag:yaml.org,2002:{tag}", re.compile(pattern))
        for tag, pattern, first in _RESOLVERS
        if character in first
    ]
    for character in {character for _, _, first in _RESOLVERS for character in first}
}


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def _first_problem(error: ValidationError) -> str:
    first, *others = error.errors()
    path = list(first["loc"])
    where = ""
    if path[:1] == ["processes"] and len(path) > 1:
        where = f"process {path[1]!r}: "
        path = path[2:]
    if path:
        where += ".".join(str(part) for part in path) + ": "
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] not in ("value_error", "missing"):
        message += f", not {first['input']!r}"
    more = f" (and {len(others)} more)" if others else ""
    return f"{where}{message}{more}"


def _cycles(dependencies: dict[str, list[str]]) -> Iterator[list[str]]:
    finished: set[str] = set()

    def walk(name: str, trail: list[str]) -> Iterator[list[str]]:
        if name in trail:
            yield [*trail[trail.index(name) :], name]
            return
        if name in finished:
            return
        for dependency in dependencies[name]:
            yield from walk(dependency, [*trail, name])
        finished.add(name)

    for name in dependencies:
        yield from walk(name, [])
