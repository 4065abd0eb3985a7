"""What owners and administrators are told: their own alerts with what is new, a silent server without a row of theirs,
and dismissing one or all (4.8, 4.9, 4.12)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.alarms import SERVER_SILENT, raise_alert
from mailboxes.models import Mailbox, Organization, TraceLevel, TraceLog, UserSettings
from profiles.models import EmailServerProfile
from tests.serversync.console.roles import Office

WALL = "/mailbox/alerts/"
LIST = "/mailboxes/tracelog/"


def trouble(about: Mailbox | EmailServerProfile, text: str, when: datetime | None = None, **more: Any) -> TraceLog:
    raise_alert(
        about, more.pop("level", TraceLevel.ERROR), more.pop("cause", text), text, when or timezone.now(), **more
    )
    return TraceLog.objects.get(text=text)


def page_of(client: Client, address: str = WALL) -> str:
    return client.get(address).content.decode()


def test_an_empty_list_offers_nobody_to_write_an_alert(office: Office) -> None:
    administrator = office.browsers["administrator"]
    page = page_of(administrator, LIST)
    assert "There are no alerts." in page
    assert "Create a new item" not in page
    assert "No alerts match." in page_of(administrator, f"{LIST}?q=nothing")
    empty = page_of(office.browsers["superuser"], reverse("admin:tracking_trackingexclusion_changelist"))
    assert f'href="{reverse("admin:tracking_trackingexclusion_add")}' in empty


def test_alice_sees_the_alerts_of_her_mailbox_and_her_queue_and_nobody_elses(office: Office) -> None:
    for of, text in ((office.alices, "Hers."), (office.supports, "The queue’s."), (office.bobs, "Bob’s.")):
        trouble(of, text)
    page = page_of(office.browsers["alice"])
    assert "Hers." in page
    assert "The queue’s." in page
    assert "Bob’s." not in page
    page = page_of(office.browsers["mia"])
    assert "Hers." not in page
    assert "The queue’s." in page


def test_what_is_new_is_marked_until_alice_has_looked(office: Office) -> None:
    alice = office.browsers["alice"]
    trouble(office.alices, "The first.")
    trouble(office.supports, "The second.")
    page = page_of(alice, "/mailbox/")
    assert '2<span class="ss-hidden"> new</span>' in page
    assert page.count('<strong class="ss-new">New</strong>') == 1  # the page of her own mailbox shows one of them
    assert "2<span" in page_of(alice, "/mailbox/")  # looking there settles nothing
    assert page_of(alice).count('<strong class="ss-new">New</strong>') == 2
    assert "ss-new" not in page_of(alice)
    trouble(office.alices, "The third.")
    assert '1<span class="ss-hidden"> new</span>' in page_of(alice, "/mailbox/")
    assert page_of(alice).index("The third.") < page_of(alice).index("The first.")


def test_the_same_trouble_once_more_is_not_new(office: Office) -> None:
    first = trouble(office.alices, "It fails.")
    page_of(office.browsers["alice"])
    raise_alert(office.alices, TraceLevel.ERROR, first.cause, "It fails.", timezone.now() + timedelta(minutes=5))
    page = page_of(office.browsers["alice"])
    assert "2 times" in page
    assert "ss-new" not in page


def test_ada_sees_a_number_until_she_has_opened_the_whole_list(office: Office) -> None:
    ada = office.browsers["administrator"]
    for of in (office.alices, office.bobs):
        trouble(of, f"Trouble of {of}.")

    def badge() -> Any:
        answer = ada.get("/")
        items = [item for group in answer.context["sidebar_navigation"] for item in group["items"]]
        return next((item.get("badge") for item in items if item["title"] == "Alerts"), None)

    assert badge() == 2
    ada.get(f"{LIST}?mailbox__id__exact={office.bobs.pk}")  # a part of the list
    ada.get(WALL)  # and what is hers
    assert badge() == 2
    new = [one.is_new for one in ada.get(f"{LIST}?open=yes").context["cl"].result_list]
    assert new == [True, True]
    assert badge() is None
    assert [one.is_new for one in ada.get(LIST).context["cl"].result_list] == [False, False]


def test_whoever_has_no_settings_yet_looks_as_well(office: Office) -> None:
    UserSettings.objects.all().delete()
    trouble(office.alices, "The first.")
    assert "ss-new" in page_of(office.browsers["alice"])
    assert "ss-new" not in page_of(office.browsers["alice"])


# A server that does not answer


def test_owners_are_told_about_their_server_without_a_row_of_their_own(office: Office) -> None:
    profile, since = office.alices.email_server_profile, timezone.now() - timedelta(hours=2)
    assert profile is not None
    alert = trouble(profile, "Incoming email: nobody answers.", since, cause=f"incoming {SERVER_SILENT}")
    words = f"The mail server of “Headquarters” is not answering since {since:%Y-%m-%d %H:%M} UTC. No action is needed"
    for name, address in (("alice", "/mailbox/"), ("charlie", "/mailbox/"), ("mia", WALL)):
        assert words in page_of(office.browsers[name], address), name
    assert list(TraceLog.objects.all()) == [alert]
    TraceLog.objects.update(closed_on=timezone.now())
    assert "not answering" not in page_of(office.browsers["alice"])


def test_other_trouble_of_the_server_is_told_and_good_news_is_not(office: Office) -> None:
    profile = office.alices.email_server_profile
    assert profile is not None
    trouble(profile, "Nothing of it was synchronized.")
    trouble(profile, "It works again.", level=TraceLevel.INFORMATION)
    page = page_of(office.browsers["alice"], "/mailbox/")
    assert "Nothing of it was synchronized. No action is needed from you." in page
    assert "It works again." not in page
    elsewhere = EmailServerProfile.objects.create(name="Elsewhere", server_type=0)
    Mailbox.objects.filter(pk=office.alices.pk).update(email_server_profile=elsewhere)
    assert "synchronized. No action" not in page_of(office.browsers["alice"], "/mailbox/")


# Dismissing


@pytest.mark.parametrize("start", ["/mailbox/", WALL])
def test_alice_dismisses_one_and_then_all_of_her_alerts(office: Office, start: str) -> None:
    alice, texts = office.browsers["alice"], ("One.", "Two.", "Three.")
    first, *_ = [trouble(office.alices, text) for text in texts]
    trouble(office.supports, "The queue’s.")
    headers = {"referer": f"http://testserver{start}"}
    answer = alice.post(reverse("owner:dismiss", args=[office.alices.pk, first.pk]), headers=headers)
    assert answer.headers["Location"].startswith(start)
    assert "Dismiss all" in page_of(alice, start)
    answer = alice.post(reverse("owner:dismiss_all", args=[office.alices.pk]), headers=headers, follow=True)
    assert "2 alerts were dismissed." in answer.content.decode()
    assert set(TraceLog.objects.filter(closed_on=None).values_list("text", flat=True)) == {"The queue’s."}
    answer = alice.post(reverse("owner:dismiss_all", args=[office.alices.pk]), headers=headers, follow=True)
    assert "Nothing was dismissed." in answer.content.decode()


def test_a_member_of_the_queue_and_a_stranger_dismiss_nothing(office: Office) -> None:
    trouble(office.supports, "The queue’s.")
    for name, status in (("mia", 403), ("charlie", 404), ("administrator", 404)):
        address = reverse("owner:dismiss_all", args=[office.supports.pk])
        assert office.browsers[name].post(address).status_code == status, name
    assert "Dismiss" not in page_of(office.browsers["mia"])
    assert TraceLog.objects.get().closed_on is None


def test_ada_filters_the_wall_of_all_by_level_mailbox_and_profile(office: Office) -> None:
    profile = office.bobs.email_server_profile
    assert profile is not None
    trouble(office.alices, "An error.")
    trouble(office.bobs, "A warning.", level=TraceLevel.WARNING)
    trouble(profile, "Of the server.")
    for narrowed, texts in (
        ("level__exact=2", {"A warning."}),
        (f"mailbox__id__exact={office.alices.pk}", {"An error."}),
        (f"email_server_profile__id__exact={profile.pk}", {"Of the server."}),
    ):
        found = office.browsers["administrator"].get(f"{LIST}?{narrowed}").context["cl"].result_list
        assert {one.text for one in found} == texts, narrowed


@pytest.mark.parametrize(
    ("level", "switch"),
    [
        (TraceLevel.ERROR, "generate_alerts_for_errors"),
        (TraceLevel.WARNING, "generate_alerts_for_warnings"),
        (TraceLevel.INFORMATION, "generate_alerts_for_information"),
    ],
)
def test_each_level_has_its_own_switch(office: Office, level: TraceLevel, switch: str) -> None:  # 4.11
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {switch: False}})
    for one in TraceLevel:
        raise_alert(office.alices, one, one.name, one.name, timezone.now())
    assert set(TraceLog.objects.values_list("level", flat=True)) == set(TraceLevel) - {level}
