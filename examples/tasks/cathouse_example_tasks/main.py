"""The cat's routes."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from cathouse_example_tasks.identity import Caller, NotFromCatHouse, Verifier
from cathouse_example_tasks.store import Task, Tasks

JWKS_URL = "http://127.0.0.1:8004/api/v1/proxy/jwks"
POINTS_FOR_A_TASK = 10

_signed = HTTPBearer(description="A token that Cat House's proxy signed for this cat")


class NewTask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=200, examples=["Feed the cat"])


class TaskChanges(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, min_length=1, max_length=200)
    done: bool | None = None


class TaskBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    title: str
    done: bool


class TaskList(BaseModel):
    items: list[TaskBody]
    points: int = Field(description="Ten for every task that is done")


def create_app() -> FastAPI:
    """Return the cat's app, with these settings of the environment:

    - `CATHOUSE_JWKS_URL`: the URL of the proxy's public keys
    - `CAT_ID`: this cat's id at Cat House; calls for another cat are refused
    - `TASKS_FILE`: the file that keeps the tasks; without it, they are kept in memory
    """
    tasks = Tasks(os.environ.get("TASKS_FILE", ":memory:"))
    verifier = Verifier(
        os.environ.get("CATHOUSE_JWKS_URL", JWKS_URL), os.environ.get("CAT_ID") or None
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        tasks.close()

    app = FastAPI(title="Task Keeper", version="1.0.0", lifespan=lifespan)
    app.state.tasks, app.state.verifier = tasks, verifier
    app.add_api_route("/health", health)
    app.add_api_route("/tasks", list_tasks, methods=["GET"])
    app.add_api_route("/tasks", add_task, methods=["POST"], status_code=201)
    app.add_api_route("/tasks/{task_id}", read_task, methods=["GET"])
    app.add_api_route("/tasks/{task_id}", change_task, methods=["PATCH"])
    app.add_api_route("/tasks/{task_id}", delete_task, methods=["DELETE"], status_code=204)
    return app


def with_scope(scope: str) -> Callable[..., Caller]:
    """Return a dependency that returns the caller, or refuses one without this scope."""

    def caller(
        request: Request, signed: Annotated[HTTPAuthorizationCredentials, Depends(_signed)]
    ) -> Caller:
        verifier: Verifier = request.app.state.verifier
        try:
            caller = verifier.caller(signed.credentials)
        except NotFromCatHouse as error:
            raise HTTPException(401, f"This call is not from Cat House: {error}") from error
        # The proxy has checked the scope too. Checking again keeps a mistake in the manifest from opening other routes.
        if scope not in caller.scopes:
            raise HTTPException(403, f"This needs the scope {scope}.")
        return caller

    return caller


def _store(request: Request) -> Tasks:
    tasks: Tasks = request.app.state.tasks
    return tasks


Store = Annotated[Tasks, Depends(_store)]
Reader = Annotated[Caller, Depends(with_scope("tasks:read"))]
Writer = Annotated[Caller, Depends(with_scope("tasks:write"))]
Deleter = Annotated[Caller, Depends(with_scope("tasks:delete"))]


def health() -> dict[str, str]:
    return {"status": "healthy"}


def list_tasks(caller: Reader, store: Store) -> TaskList:
    tasks = store.all(caller.owner)
    done = sum(task.done for task in tasks)
    return TaskList(
        items=[TaskBody.model_validate(task) for task in tasks], points=done * POINTS_FOR_A_TASK
    )


def add_task(caller: Writer, store: Store, body: NewTask) -> TaskBody:
    return TaskBody.model_validate(store.add(caller.owner, body.title))


def read_task(caller: Reader, store: Store, task_id: str) -> TaskBody:
    return _found(store.get(caller.owner, task_id))


def change_task(caller: Writer, store: Store, task_id: str, body: TaskChanges) -> TaskBody:
    return _found(store.change(caller.owner, task_id, title=body.title, done=body.done))


def delete_task(caller: Deleter, store: Store, task_id: str) -> None:
    if not store.delete(caller.owner, task_id):
        raise HTTPException(404, "You have no task of this id.")


def _found(task: Task | None) -> TaskBody:
    if task is None:
        raise HTTPException(404, "You have no task of this id.")
    return TaskBody.model_validate(task)
