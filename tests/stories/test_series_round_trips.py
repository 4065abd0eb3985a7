"""Series of all kinds in five time zones, with occurrences that differ near changes of the clocks, are the same here and on
Exchange, wherever they were written and wherever one of their occurrences is changed later (10.4)."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mailboxes.models import Mailbox
from profiles.act_items import Attendee, Fields, Frequency, Item, ItemKind
from profiles.connectors import open_item_store
from tests.company import PASSWORD, SERVICE, Company
from tests.profiles.exchange import access
from tests.synchronizing import ALICE, CATEGORY, alice_on, held, synchronize, syncing
from tests.tracking.act_offices import _as_json as as_json
from tests.tracking.series_plans import Plan, differences, plans
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.merge import Side
from tracking.decide.occurrences import Exceptions, OccurrenceStep, SeriesState, differing
from tracking.decide.recurrence import same_series
from tracking.facts.act.appointments import exceptions_of, rule_of, times_of
from tracking.keep.act.appointments import apply_occurrence, make_appointment

CALENDAR = ItemKind.APPOINTMENT
NAMES = (f"Round {number}" for number in count())
Differs = dict[datetime, Fields | None]
pytestmark = pytest.mark.django_db(transaction=True)


def write_here(alice: Mailbox, name: str, plan: Plan) -> None:
    """Alice writes a series in the console."""
    told = {**plan.fields, "subject": name, "organizer": (Attendee(ALICE),)}
    make_appointment(told, syncing(alice))
    change_here(alice, name, plan.differs)


def change_here(alice: Mailbox, name: str, differs: Differs) -> None:
    """And changes some occurrences."""
    series = RecurringAppointmentMaster.objects.get(subject=name)
    for original, own in differs.items():
        step = OccurrenceStep(Side.CRM, original, own or {}, removes=own is None)
        apply_occurrence(series, step, syncing(alice))


def write_there(company: Company, name: str, plan: Plan) -> None:
    """Alice writes a series in Outlook, where it is to be tracked."""
    told = as_json({**plan.fields, "subject": name})
    company.sandbox.put_act_item(ALICE, CALENDAR, told, categories=[CATEGORY])
    change_there(company, name, plan.differs)


def change_there(company: Company, name: str, differs: Differs) -> None:
    """And changes some occurrences."""
    key = held(company, CALENDAR)[name]["id"]
    for original, own in differs.items():
        which: dict[str, Any] = {"original_start": original.isoformat()}
        if own is None:
            company.sandbox.delete_act_item(ALICE, CALENDAR, key, **which)
        else:
            company.sandbox.patch_act_item(ALICE, CALENDAR, key, fields=as_json(own), **which)


def insist_both_have(company: Company, plans_by_name: dict[str, Plan]) -> None:
    """Here and there is what was planned, and nothing else."""
    keys = {name: one["id"] for name, one in held(company, CALENDAR).items()}
    reached = access(company.sandbox.ews_url, ALICE, username=SERVICE, password=PASSWORD)
    with closing(open_item_store(reached)) as store:
        items = dict(zip(plans_by_name, store.fetch(CALENDAR, [keys[name] for name in plans_by_name]), strict=True))
    for name, plan in plans_by_name.items():
        series, item = RecurringAppointmentMaster.objects.get(subject=name), items[name]
        assert isinstance(item, Item)
        wanted = {key: value for key, value in plan.fields.items() if key not in ("subject", "recurrence")}
        assert times_of(series) == {key: item.fields[key] for key in wanted} == wanted
        assert same_series(rule_of(series), plan.rule)
        assert same_series(item.fields["recurrence"], plan.rule)  # type: ignore[arg-type]
        ours, theirs = exceptions_of(series), Exceptions.of(item.changed, item.removed)
        state = SeriesState(item.fields)
        there = {original: differing(original, own, state) for original, own in theirs.changed.items()}
        assert ours.changed == plan.changed, name
        assert {original: own for original, own in there.items() if own} == plan.changed, name
        assert (ours.removed, theirs.removed) == (plan.removed, plan.removed)


def insist_nothing_is_written(alice: Mailbox) -> None:
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked) == (0, 0)


@st.composite
def later(draw: st.DrawFn, plan: Plan) -> Differs:
    """What happens to one more occurrence, which nobody has changed yet."""
    free = [number for number, slot in enumerate(plan.slots()) if slot.start not in plan.differs]
    if not free:
        return {}
    number = draw(st.sampled_from(free))
    own = draw(differences(plan, number, may_go=len(free) > 1))
    return {plan.slots()[number].start: own}


@settings(
    deadline=None,
    max_examples=3,
    derandomize=True,
    phases=[Phase.generate],  # what went wrong stays in the database: nothing smaller can be tried after it
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_series_are_the_same_on_both_sides_and_stay_so(company: Company, data: st.DataObject) -> None:  # 10.4, 10.9
    alice = Mailbox.objects.first() or alice_on(company)
    here = {next(NAMES): data.draw(plans(kinds=[kind])) for kind in Frequency}
    there = {next(NAMES): data.draw(plans(kinds=[kind])) for kind in Frequency}
    for name, plan in here.items():
        write_here(alice, name, plan)
    for name, plan in there.items():
        write_there(company, name, plan)
    synchronize(alice)
    insist_nothing_is_written(alice)
    insist_both_have(company, here | there)
    for name, plan in here.items():
        more = data.draw(later(plan))
        change_there(company, name, more)
        here[name] = Plan(plan.fields, plan.differs | more)
    for name, plan in there.items():
        more = data.draw(later(plan))
        change_here(alice, name, more)
        there[name] = Plan(plan.fields, plan.differs | more)
    synchronize(alice)
    insist_nothing_is_written(alice)
    insist_both_have(company, here | there)
