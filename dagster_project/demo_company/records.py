"""The company as it really is, before each system writes down its own part of it.

Times are seconds since the epoch (UTC); amounts are in ``currency``; ``None`` means not (yet) so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Team:
    no: str
    name: str
    region: str
    manager: str


@dataclass(slots=True)
class Rep:
    no: str
    name: str
    team: Team
    mail: str
    hired: int
    skills: list[tuple[str, int]]
    is_gaming: bool = False
    is_active: bool = True


@dataclass(slots=True)
class Account:
    no: str
    name: str
    erp_no: str
    erp_name: str
    industry: str
    region: str
    province: str
    city: str
    country: str
    currency: str
    employees: int
    revenue: int
    tier: str
    tax_id: str
    domain: str
    phone: str
    owner: Rep
    created: int
    is_chinese: bool
    parent: str | None = None
    persons: list[Person] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    no: str
    account: Account
    name: str
    title: str
    level: str
    mail: str
    mobile: str
    chat_id: str | None
    login: str | None
    created: int
    is_cold: bool = False
    """Reserved for one silent lead: never touched otherwise."""
    moved_to: Account | None = None
    """The employer since the last job change; ``account`` is the one before it."""
    updated: int | None = None

    @property
    def employer(self) -> Account:
        """The account that the CRM shows now."""
        return self.moved_to or self.account


@dataclass(frozen=True, slots=True)
class Story:
    """What was planted for a lead that looks stalled."""

    kind: str
    """Why it is stalled (a reason code) or why it is not (a near miss)."""
    is_stalled: bool
    quiet_from: int
    """No touch from here on."""


@dataclass(slots=True)
class Lead:
    no: str
    name: str
    account: Account
    person: Person
    channel: str
    line: str
    intent: str
    label: str
    status: str
    owner: Rep
    created: int
    acknowledged: int
    responded: int | None
    closed: int | None
    amount: int
    is_silent: bool
    has_account: bool = True
    deal: Deal | None = None
    story: Story | None = None

    @property
    def is_open(self) -> bool:
        return self.status in ("new", "contacted", "qualified")


@dataclass(slots=True)
class Deal:
    no: str
    name: str
    account: Account
    person: Person
    owner: Rep
    lead: Lead | None
    line: str
    product: int
    amount: int
    channel: str
    complexity: str
    created: int
    steps: list[tuple[str, int]]
    """Stages reached with the time, in order; the last one is the present stage."""
    expected: int
    closed: int | None = None
    is_won: bool = False
    loss_reason: str | None = None
    referrer: Account | None = None

    @property
    def stage(self) -> str:
        return self.steps[-1][0]


@dataclass(slots=True)
class Touch:
    no: str
    medium: str
    """crm, mail or chat: the system that recorded it."""
    kind: str
    person: Person
    deal: Deal | None
    lead: Lead | None
    rep: Rep
    is_inbound: bool
    at: int
    recorded: int
    topic: str | None
    text: str | None
    minutes: int | None
    is_automatic: bool = False


@dataclass(slots=True)
class Quote:
    no: str
    deal: Deal
    at: int


@dataclass(slots=True)
class JobChange:
    no: str
    person: Person
    at: int
    source: Account
    target: Account


@dataclass(slots=True)
class Share:
    no: str
    person: Person
    at: int


@dataclass(slots=True)
class Attendance:
    no: str
    person: Person
    questions: int
    at: int


@dataclass(slots=True)
class Optout:
    no: str
    person: Person
    kind: str
    reason: str
    at: int
    is_over_contact: bool


@dataclass(slots=True)
class World:
    """Everything that happened, and ``truths``: what the answer key says about it."""

    seed: int
    teams: list[Team] = field(default_factory=list)
    reps: list[Rep] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    persons: list[Person] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    optouts: list[Optout] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    job_changes: list[JobChange] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    attendances: list[Attendance] = field(default_factory=list)
    orders: list[tuple[str, Account, int]] = field(default_factory=list)
    """ERP order number, customer and time of each order, once the ERP is written."""
    planted: dict[str, Any] = field(default_factory=dict)
    """Cases planted on purpose, by signal: who, and which case it is."""
    truths: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, Any] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)
