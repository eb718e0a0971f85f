"""Seed data for a marketplace: people, cats, adoptions, reviews and proxied calls, created over HTTP.

Each piece has a fixed name. Existing pieces are not changed, so a second run changes nothing.
"""

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
from cathouse_client import CatHouse, CatHouseError, Conflict, NotFound, Unauthorized, iterate
from cathouse_client.models import (
    Adoption,
    CatBody,
    CatStatus,
    NewCat,
    NewReview,
    Registration,
    RegistrationRole,
)

from cathouse_stack.demo import MANIFEST, Running, create_admin, described
from cathouse_stack.errors import StackError
from cathouse_stack.ports import other_ports
from cathouse_stack.preflight import make_token

PASSWORD_FILE = Path(".state/seed_password")
ADMIN = "admin@seed.example.com"
DEVELOPERS = [f"developer-{number}@seed.example.com" for number in range(1, 10)]
PLAYERS = [f"player-{number}@seed.example.com" for number in range(1, 41)]
_ADOPTIONS_EACH = 3
_CATEGORIES = ("productivity", "health", "learning", "games", "home")
_KINDS = ("Task Keeper", "Habit Tracker", "Quiz Master", "Chore Chart", "Reading Log", "Step Count")
_COATS = ("Amber", "Cobalt", "Ember", "Ginger", "Hazel")
CATS = [f"{coat} {kind}" for coat in _COATS for kind in _KINDS]
_COMMENTS = ("It keeps my tasks.", "My children like it.", "Not for me.", "I use it every day.")
# A small number, because each password check occupies a core of auth for a moment.
_THREADS = 4


class Seed:
    """Creates the missing pieces, and counts them."""

    def __init__(self, address: str, transport: httpx.BaseTransport, password: str) -> None:
        self._address = address
        self._transport = transport
        self._password = password
        self.created: Counter[str] = Counter()

    def enter(self, email: str) -> CatHouse:
        """Register unless the account exists, and sign in."""
        name, _, _ = email.partition("@")
        person = Registration(
            email=email,
            password=self._password,
            display_name=name.replace("-", " ").title(),
            role=RegistrationRole(name.partition("-")[0]),
        )
        house = self._house()
        with suppress(Conflict):
            house.auth.register(body=person)
            self.created["people"] += 1
        return self._signed_in(house, email)

    def admin(self, running: Running) -> CatHouse:
        """Create the admin unless the account exists, and sign in."""
        house = self._house()
        try:
            house.sign_in(ADMIN, self._password)
        except Unauthorized:
            create_admin(running, ADMIN, self._password)
            self.created["people"] += 1
        return self._signed_in(house, ADMIN)

    def _house(self) -> CatHouse:
        # All clients share one transport, because each would load the certificates of the machine.
        return CatHouse(self._address, transport=self._transport)

    def _signed_in(self, house: CatHouse, email: str) -> CatHouse:
        try:
            house.sign_in(email, self._password)
        except Unauthorized as error:
            raise StackError(
                f"{email} does not have the password in {PASSWORD_FILE}. To start again with an "
                "empty database, stop the stack, remove the folder .state, and run make up"
            ) from error
        return house

    def publish(self, number: int, developer: CatHouse, admin: CatHouse, endpoint: str) -> CatBody:
        """Create, submit and approve the cat of this number where necessary, and return it."""
        slug = CATS[number].lower().replace(" ", "-")
        try:
            cat = admin.catalog.read_cat(slug)
        except NotFound:
            new = json.loads(MANIFEST.read_text(encoding="utf-8")) | {
                "name": CATS[number],
                "slug": slug,
                "category": _CATEGORIES[number % len(_CATEGORIES)],
                "endpoint_url": endpoint,
            }
            cat = developer.catalog.create_cat(body=NewCat.from_dict(new))
            self.created["cats"] += 1
        if cat.status == CatStatus.DRAFT:
            cat = developer.catalog.submit_cat(cat.id)
        if cat.status == CatStatus.SUBMITTED:
            cat = admin.catalog.approve_cat(cat.id)
        return cat

    def adopt(self, number: int, player: CatHouse, cats: Sequence[CatBody]) -> None:
        """Let a player adopt some cats, call each of them, and review most of them."""
        adopted = {own.cat_id for own in iterate(player.installation.list_installations)}
        me = player.auth.read_me().id
        for step in range(_ADOPTIONS_EACH):
            cat = cats[(number + 7 * step) % len(cats)]
            if cat.id not in adopted:
                self._adopt_and_call(player, cat)
            if (number + step) % 4:
                reviews = iterate(player.catalog.list_reviews, str(cat.id), limit=100)
                if me not in {review.user_id for review in reviews}:
                    self._review(number + step, player, cat)

    def _adopt_and_call(self, player: CatHouse, cat: CatBody) -> None:
        wish = Adoption(cat_id=cat.id, granted_scopes=["tasks:read", "tasks:write"])
        adopted = player.installation.adopt_cat(body=wish).installation.id
        player.call_cat(adopted, "POST", "tasks", json={"title": "Feed the cat"}).raise_for_status()
        player.call_cat(adopted, "GET", "tasks").raise_for_status()
        self.created["installations"] += 1
        self.created["calls"] += 2

    def _review(self, number: int, player: CatHouse, cat: CatBody) -> None:
        review = NewReview(rating=1 + number % 5, comment=_COMMENTS[number % len(_COMMENTS)])
        player.catalog.write_my_review(cat.id, body=review)
        self.created["reviews"] += 1


def seed(running: Running) -> None:
    """Create the missing pieces and print their number. Raises `StackError` at the first failure."""
    make_token(PASSWORD_FILE)
    address = f"http://127.0.0.1:{other_ports()['gateway']}"
    with httpx.HTTPTransport() as transport, ThreadPoolExecutor(_THREADS) as threads:
        work = Seed(address, transport, PASSWORD_FILE.read_text(encoding="utf-8"))
        try:
            admin = work.admin(running)
            developers = list(threads.map(work.enter, DEVELOPERS))
            players = list(threads.map(work.enter, PLAYERS))
            cats = [
                work.publish(number, developers[number % len(developers)], admin, running.cat)
                for number in range(len(CATS))
            ]
            numbers = range(len(players))
            list(threads.map(lambda number: work.adopt(number, players[number], cats), numbers))
        except (CatHouseError, httpx.HTTPStatusError) as error:
            raise StackError(described(error)) from error
    created = ", ".join(f"{count} {what}" for what, count in work.created.items() if count)
    print(f"Created {created}." if created else "Nothing to create: all seed data exists.")
    print(
        f"Sign in as {PLAYERS[0]}, {DEVELOPERS[0]} or {ADMIN}. "
        f"The password of all accounts is in {PASSWORD_FILE}."
    )
