"""One proxied call, from the request to the last byte of the answer."""

import asyncio
import re
from dataclasses import dataclass

from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.problems import InternalError, Problem
from loguru import logger
from prometheus_client import Counter
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from cathouse_proxy.services.admission.admission import (
    PREFIX,
    Admission,
    AdmissionControl,
    Incoming,
)
from cathouse_proxy.services.audit.writer import ANSWERED, CALLER_LEFT, Audit, CallRecord
from cathouse_proxy.services.errors import (
    CallerTooSlow,
    CatAnswerTooLarge,
    CatTimedOut,
)
from cathouse_proxy.services.exchange.cat_client import CatAnswer, CatClient
from cathouse_proxy.services.exchange.client_stream import CallerLeft, ClientStream, Stopwatch
from cathouse_proxy.services.exchange.headers import headers_to_caller, headers_to_cat
from cathouse_proxy.services.exchange.identity import Identities
from cathouse_proxy.services.exchange.links import LinkRewriter, Platform

# An answer that says that it is no longer than this is read whole before any of it is sent, so that a cat that breaks
# off is answered for with a problem, and the audit is complete with one write.
_SMALL_ANSWER_BYTES = 64 * 1024
_HOST = re.compile(rb"[A-Za-z0-9._:\[\]-]{1,255}")
_FORWARDED_HOST = re.compile(rb'\bhost="?([^",;\s]+)', re.IGNORECASE)  # RFC 7239, section 5.3


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a call may take. The seconds are the contract's."""

    request_bytes: int
    answer_bytes: int
    first_byte_seconds: float = 10.0
    """From the request's end to the end of the answer's head."""
    total_seconds: float = 30.0


class Exchange:
    """Answers proxied calls."""

    def __init__(
        self,
        *,
        admission: AdmissionControl,
        audit: Audit,
        identities: Identities,
        cats: CatClient,
        limits: Limits,
        platform: Platform,
        unidentified: Counter,
    ) -> None:
        self._admission = admission
        self._audit = audit
        self._identities = identities
        self._cats = cats
        self._limits = limits
        self._platform = platform
        self._unidentified = unidentified

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mediates a call and passes on what the cat answers.

        Raises the `Problem` that the caller is to get, as long as nothing has been sent; after that, it ends without
        having completed the answer, which makes the server break the connection. Either way, the audit has it first.
        """
        request = Incoming.of(scope)
        context = current_request.get() or RequestContext("", TraceContext.start())
        call = CallRecord(request.method, request.raw_target, context.request_id)
        sender = _Sender(send)
        try:
            admission = await self._admission.admit(request, call)
            await self._call(request, admission, call, context, receive, sender)
        except CallerLeft as left:
            await self._end(call, sender.status, CALLER_LEFT)
            if sender.status is None:
                raise ClientDisconnect from left
        except Problem as problem:
            await self._end(call, sender.status or problem.status, problem.code())
            if sender.status is None:
                problem.headers |= call.window.headers() if call.window else {}
                raise
            logger.warning("the cat's answer was broken off: {}", problem.code())
        except Exception:
            await self._end(call, sender.status or InternalError.status, InternalError.code())
            raise

    async def _end(self, call: CallRecord, status: int | None, outcome: str) -> None:
        if call.installation_id is None:
            # A row for each of these would let anyone fill the disk.
            self._unidentified.labels(outcome).inc()
        else:
            await self._audit.end(call, status, outcome)

    async def _call(
        self,
        request: Incoming,
        admission: Admission,
        call: CallRecord,
        context: RequestContext,
        receive: Receive,
        sender: "_Sender",
    ) -> None:
        failed: bool | None = None
        try:
            call.path = admission.target.path
            await self._audit.start(call)
            status = await self._within_limits(request, admission, call, context, receive, sender)
            failed = status >= 500
        except Problem as problem:
            failed = True if problem.status in (502, 504) else None
            raise
        finally:
            admission.permit.close(failed=failed)

    async def _within_limits(
        self,
        request: Incoming,
        admission: Admission,
        call: CallRecord,
        context: RequestContext,
        receive: Receive,
        sender: "_Sender",
    ) -> int:
        """Returns the cat's status, when all of its answer has been passed on."""
        loop = asyncio.get_running_loop()
        total = asyncio.timeout(self._limits.total_seconds)
        caller = ClientStream(
            receive,
            max_bytes=self._limits.request_bytes,
            interrupt=lambda: total.reschedule(loop.time()),
        )
        watch = asyncio.create_task(caller.watch(body=request.has_body))
        answer: CatAnswer | None = None
        try:
            async with total:
                answer = await self._ask(request, admission, context, caller)
                try:
                    await self._pass_on(request, admission, call, answer, sender)
                finally:
                    watch.cancel()
                    answer.close()
            return answer.status
        except (TimeoutError, Problem) as error:
            if caller.failure is not None:
                raise caller.failure from error
            if isinstance(error, Problem):
                raise
            if self._too_slow(caller.waiting, sender.waiting, head_came=answer is not None):
                raise CallerTooSlow from error
            raise CatTimedOut from error
        finally:
            watch.cancel()

    def _too_slow(self, body: Stopwatch, taking: Stopwatch, *, head_came: bool) -> bool:
        """Whether it is the caller's fault that the total time has ended.

        Who is waited for at the end does not decide it alone: a caller could hold the last byte back until the end, and
        so have good cats cut off. A cat is only to blame when it had as much time as it may expect: for the head, what
        it is granted for it; for the rest of an answer, the total but for as much as the caller may take in between.
        """
        if body.now or taking.now:
            return True
        total, head = self._limits.total_seconds, self._limits.first_byte_seconds
        cats_share = total - body.seconds - taking.seconds
        return cats_share < (total - head if head_came else head)

    async def _ask(
        self, request: Incoming, admission: Admission, context: RequestContext, caller: ClientStream
    ) -> CatAnswer:
        """Sends the request to the cat, body and all, and returns the answer's head."""
        target = admission.target
        query = f"?{target.query}" if target.query else ""
        url = f"{admission.cat.endpoint_url.rstrip('/')}{target.path}{query}"
        token = await self._identities.token(
            person_id=admission.installation.user_id,
            cat_id=admission.cat.id,
            installation_id=admission.installation.installation_id,
            scopes=admission.scopes,
        )
        own = {"Authorization": f"Bearer {token}"} | context.headers() | _forwarded(request)
        headers = headers_to_cat(
            request.headers, own, body_bytes=request.announced_bytes if request.has_body else None
        )
        async with asyncio.timeout(None) as first_byte:

            def expect_first_byte() -> None:
                now = asyncio.get_running_loop().time()
                first_byte.reschedule(now + self._limits.first_byte_seconds)

            if request.has_body:
                caller.on_all_read = expect_first_byte
            else:
                expect_first_byte()
            try:
                return await self._cats.call(
                    request.method, url, headers, caller if request.has_body else None
                )
            finally:
                # A cat may answer before it has taken all of the body.
                caller.on_all_read = None

    async def _pass_on(
        self,
        request: Incoming,
        admission: Admission,
        call: CallRecord,
        answer: CatAnswer,
        sender: "_Sender",
    ) -> None:
        head = self._head(request, admission, call, answer)
        if answer.length is not None and answer.length <= _SMALL_ANSWER_BYTES:
            body = await answer.whole()
            await self._audit.end(call, answer.status, ANSWERED)
            await sender.start(answer.status, head)
            await sender.body(body, more=False)
            return
        if answer.length is not None and answer.length > self._limits.answer_bytes:
            raise CatAnswerTooLarge
        await self._audit.answering(call, answer.status)
        await sender.start(answer.status, head)
        passed = 0
        last = b""
        async for part in answer.parts():
            passed += len(part)
            if passed > self._limits.answer_bytes:
                raise CatAnswerTooLarge
            if passed == answer.length:
                last = part
                break
            await sender.body(part, more=True)
        await self._audit.end(call, answer.status, ANSWERED)
        await sender.body(last, more=False)

    def _head(
        self, request: Incoming, admission: Admission, call: CallRecord, answer: CatAnswer
    ) -> list[tuple[bytes, bytes]]:
        def rewriter() -> LinkRewriter:
            return LinkRewriter(
                endpoint_url=admission.cat.endpoint_url,
                path=admission.target.path,
                query=admission.target.query,
                prefix=f"{PREFIX}/{admission.installation.installation_id}",
                platform=self._platform.as_reached(_hosts(request)),
            )

        head = headers_to_caller(
            answer.headers, call.window.headers() if call.window else {}, rewriter
        )
        if answer.announced_length is not None:
            head.append((b"content-length", str(answer.announced_length).encode()))
        return head


class _Sender:
    """The way to the caller."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        """What has been sent; None as long as nothing has."""
        self.waiting = Stopwatch()
        """For the caller, to take what was sent."""

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        await self._wait({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, part: bytes, *, more: bool) -> None:
        await self._wait({"type": "http.response.body", "body": part, "more_body": more})

    async def _wait(self, message: Message) -> None:
        self.waiting.begin()
        await self._send(message)
        self.waiting.end()


def _hosts(request: Incoming) -> list[str]:
    """The hosts by which the caller may reach the platform, also behind a reverse proxy. Whoever adds one to them only
    loses links to it."""
    fields = request.values(b"host") + request.values(b"x-forwarded-host")
    for field in request.values(b"forwarded"):
        fields += _FORWARDED_HOST.findall(field)
    return [host.strip().decode("latin-1") for field in fields for host in field.split(b",")]


def _forwarded(request: Incoming) -> dict[str, str]:
    """What a reverse proxy tells of the request that it received."""
    headers = {
        "X-Forwarded-Proto": request.scheme,
        "X-Forwarded-Prefix": f"{PREFIX}/{request.installation_id}",
    }
    if request.client:
        headers["X-Forwarded-For"] = request.client
    if host := _host(request):
        headers["X-Forwarded-Host"] = host
    return headers


def _host(request: Incoming) -> str:
    """The host by which the caller knows the proxy; empty where they do not say."""
    host = next(iter(request.values(b"host")), b"")
    return host.decode("ascii") if _HOST.fullmatch(host) else ""
