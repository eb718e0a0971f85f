"""The steps of one proxied call, from the request to the last byte of the response."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cathouse_kit.context import RequestContext, TraceContext
from cathouse_kit.problems import InternalError, Problem
from loguru import logger
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from cathouse_proxy.metrics import CallMetrics
from cathouse_proxy.services.admission.admission import AdmissionControl
from cathouse_proxy.services.audit.writer import Audit
from cathouse_proxy.services.call import ANSWERED, CALLER_LEFT, Call
from cathouse_proxy.services.errors import CallerTooSlow, CatAnswerTooLarge, CatTimedOut
from cathouse_proxy.services.exchange.cat_client import CatAnswer, CatClient
from cathouse_proxy.services.exchange.client_stream import CallerLeft, ClientStream
from cathouse_proxy.services.exchange.headers import headers_to_caller, headers_to_cat
from cathouse_proxy.services.exchange.identity import Identities
from cathouse_proxy.services.exchange.links import Platform

if TYPE_CHECKING:
    from cathouse_kit.tracing import Tracing

# A response up to this length is read whole before it is sent. If the cat breaks off, the caller gets a problem, and
# the audit needs only one write.
_SMALL_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one call. The contract defines the seconds."""

    request_bytes: int
    answer_bytes: int
    first_byte_seconds: float = 10.0
    """The time limit from the request's end to the end of the response's head."""
    total_seconds: float = 30.0


class Exchange:
    """Handles proxied calls. The methods are in the order of the steps."""

    def __init__(
        self,
        *,
        admission: AdmissionControl,
        audit: Audit,
        identities: Identities,
        cats: CatClient,
        limits: Limits,
        platform: Platform,
        metrics: CallMetrics,
        tracing: "Tracing | None" = None,
    ) -> None:
        self._admission = admission
        self._audit = audit
        self._identities = identities
        self._cats = cats
        self._limits = limits
        self._platform = platform
        self._metrics = metrics
        self._tracing = tracing

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request to its cat, and return the cat's response. This is an ASGI app.

        If a step fails before anything was sent, raise the `Problem` for the caller. If it fails later, return without
        completing the response, and the server closes the connection. The audit is written before, in both cases.
        """
        call = Call.of(scope)
        client = ClientStream(receive, send, max_bytes=self._limits.request_bytes)
        try:
            await self._admission.admit(call)
            await self._call_cat(call, client)
        except CallerLeft as left:
            await self._end(call, client.status, CALLER_LEFT)
            if client.status is None:
                raise ClientDisconnect from left
        except Problem as problem:
            await self._end(call, client.status or problem.status, problem.code())
            if client.status is None:
                problem.headers |= call.rate_limit_headers
                raise
            logger.warning("the cat's response was cut off: {}", problem.code())
        except Exception:
            await self._end(call, client.status or InternalError.status, InternalError.code())
            raise
        else:
            # The audit has this outcome already, because it is written before the last byte is sent.
            self._metrics.ended.labels(ANSWERED).inc()

    async def _end(self, call: Call, status: int | None, outcome: str) -> None:
        self._metrics.ended.labels(outcome).inc()
        if call.record.installation_id is None:
            # A row for each of these would let anyone fill the disk.
            self._metrics.unidentified.labels(outcome).inc()
        else:
            await self._audit.end(call, status, outcome)

    async def _call_cat(self, call: Call, client: ClientStream) -> None:
        """Record the call, make it, and report the result to the circuit breaker."""
        failed: bool | None = None
        try:
            await self._audit.start(call)
            status = await self._within_limits(call, client)
            failed = status >= 500
        except Problem as problem:
            failed = True if problem.status in (502, 504) else None
            raise
        finally:
            call.permit.close(failed=failed)

    async def _within_limits(self, call: Call, client: ClientStream) -> int:
        """Make the call within the time limits. Return the cat's status after its whole response was forwarded."""
        client.deadline = asyncio.timeout(self._limits.total_seconds)
        watch = asyncio.create_task(client.watch(body=call.request.has_body))
        answer: CatAnswer | None = None
        try:
            async with client.deadline:
                answer = await self._send_request(call, client)
                try:
                    await self._pass_on(call, client, answer)
                finally:
                    watch.cancel()
                    answer.close()
            return answer.status
        except (TimeoutError, Problem) as error:
            if client.failure is not None:
                raise client.failure from error
            if isinstance(error, Problem):
                raise
            if self._caller_was_too_slow(client, head_came=answer is not None):
                raise CallerTooSlow from error
            raise CatTimedOut from error
        finally:
            watch.cancel()

    async def _send_request(self, call: Call, client: ClientStream) -> CatAnswer:
        """Send the request with its body to the cat. Return the response after its head has arrived."""
        request, target = call.request, call.target
        query = f"?{target.query}" if target.query else ""
        url = f"{call.cat.endpoint_url.rstrip('/')}{target.path}{query}"
        token = await self._identities.token(
            person_id=call.installation.user_id,
            cat_id=call.cat.id,
            installation_id=call.installation.installation_id,
            scopes=call.scopes,
        )
        headers = headers_to_cat(call, token)
        async with asyncio.timeout(None) as first_byte:

            def expect_first_byte() -> None:
                now = asyncio.get_running_loop().time()
                first_byte.reschedule(now + self._limits.first_byte_seconds)

            if request.has_body:
                client.on_all_read = expect_first_byte
            else:
                expect_first_byte()
            try:
                with self._span(call) as position:
                    headers.update(RequestContext(call.context.request_id, position).headers())
                    return await self._cats.call(
                        request.method, url, headers, client if request.has_body else None
                    )
            finally:
                # A cat may respond before it has read the whole body.
                client.on_all_read = None

    def _span(self, call: Call) -> AbstractContextManager[TraceContext]:
        """Return the span of the call to the cat, up to the head of its response. It leaves out the query's values."""
        if self._tracing is None:
            return nullcontext(call.context.trace)
        url = f"{call.cat.endpoint_url.rstrip('/')}{call.target.path}"
        return self._tracing.client_span(
            call.request.method, url, f"cat {call.cat.id}", call.context.trace
        )

    async def _pass_on(self, call: Call, client: ClientStream, answer: CatAnswer) -> None:
        head = headers_to_caller(call, answer.headers, self._platform)
        if answer.announced_length is not None:
            head.append((b"content-length", str(answer.announced_length).encode()))
        if answer.length is not None and answer.length <= _SMALL_ANSWER_BYTES:
            body = await answer.whole()
            await self._audit.end(call, answer.status, ANSWERED)
            await client.start_response(answer.status, head)
            await client.send_body(body, more=False)
            return
        if answer.length is not None and answer.length > self._limits.answer_bytes:
            raise CatAnswerTooLarge
        await self._audit.answering(call, answer.status)
        await client.start_response(answer.status, head)
        passed = 0
        last = b""
        async for part in answer.parts():
            passed += len(part)
            if passed > self._limits.answer_bytes:
                raise CatAnswerTooLarge
            if passed == answer.length:
                last = part
                break
            await client.send_body(part, more=True)
        await self._audit.end(call, answer.status, ANSWERED)
        await client.send_body(last, more=False)

    def _caller_was_too_slow(self, client: ClientStream, *, head_came: bool) -> bool:
        """Return whether the caller, not the cat, used up the total time.

        The party that was waited for at the end is not always the slow one. A caller could hold back the last byte
        until the end, so that the breaker cuts off a good cat. So a cat is only at fault if it had enough time:
        `first_byte_seconds` for the head, or `total_seconds` without `first_byte_seconds` for the whole response.
        """
        sending, taking = client.sending_body, client.taking_response
        if sending.now or taking.now:
            return True
        total, head = self._limits.total_seconds, self._limits.first_byte_seconds
        cats_share = total - sending.seconds - taking.seconds
        return cats_share < (total - head if head_came else head)
