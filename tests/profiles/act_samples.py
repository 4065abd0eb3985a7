"""Appointments, contacts and tasks with a value in each field, for every connector."""

from __future__ import annotations

from datetime import UTC, date, datetime

from profiles.act_items import Attendee, Fields, Frequency, ItemKind, PostalAddress, Recurrence

BOB = Attendee("bob@us.test", "Bob")
CAROL = Attendee("carol@them.test", "Carol")
DAVE = Attendee("dave@them.test", "Dave")
START, END = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, 30, tzinfo=UTC)

APPOINTMENT: Fields = {
    "subject": "Offer for Acme — Größe",
    "body": "Bring the figures.\nAnd the <coffee> & cake.",
    "location": "Room 5",
    "importance": "high",
    "show_as": "out-of-office",
    "is_private": True,
    "start": START,
    "end": END,
    "is_all_day": False,
    "time_zone": "Europe/Paris",
    "required": (BOB, CAROL),
    "optional": (DAVE,),
}
SIMPLE: Fields = {"subject": "Lunch", "start": START, "end": END, "is_all_day": False, "time_zone": "UTC"}
TASK: Fields = {
    "subject": "Call Acme",
    "body": "About the offer",
    "importance": "low",
    "status": "in-progress",
    "percent_complete": 40,
    "start": date(2026, 3, 1),
    "due": date(2026, 3, 9),
}
CONTACT: Fields = {
    "full_name": "Ann B. Smith Jr.",
    "first_name": "Ann",
    "middle_name": "B.",
    "last_name": "Smith",
    "suffix": "Jr.",
    "nickname": "Annie",
    "yomi_first_name": "アン",
    "yomi_last_name": "スミス",
    "company": "Acme & Sons",
    "job_title": "Buyer",
    "department": "Purchasing",
    "manager": "Mia",
    "assistant": "Art",
    "assistant_phone": "+1 1",
    "email_1": "ann@acme.test",
    "email_2": "ann@home.test",
    "email_3": "ann@club.test",
    "business_phone": "+1 2",
    "business_phone_2": "+1 3",
    "home_phone": "+1 4",
    "home_phone_2": "+1 5",
    "mobile_phone": "+1 6",
    "other_phone": "+1 7",
    "business_fax": "+1 8",
    "pager": "+1 9",
    "callback": "+1 10",
    "company_phone": "+1 11",
    "business_address": PostalAddress("Main Road 1", "Springfield", "IL", "62701", "USA"),
    "home_address": PostalAddress("Elm Street 2", "Springfield", "IL", "62702", "USA"),
    "other_address": PostalAddress("Beach 3", "Miami", "FL", "33101", "USA"),
    "web_page": "https://acme.test/",
    "ftp_site": "ftp.acme.test",
    "birthday": date(1980, 2, 29),
    "anniversary": date(2005, 12, 31),
    "spouse": "Sam",
    "children": "Lea, Tim",
    "government_id": "AB-123",
    "body": "Likes short mails.",
}
FULL = {ItemKind.APPOINTMENT: APPOINTMENT, ItemKind.CONTACT: CONTACT, ItemKind.TASK: TASK}
PATTERNS = (
    Recurrence(Frequency.DAILY, date(2026, 3, 2), interval=3),
    Recurrence(Frequency.WEEKLY, date(2026, 3, 2), interval=2, weekdays=(0, 2), count=10),
    Recurrence(Frequency.WEEKLY, date(2026, 3, 2), weekdays=(0,), first_weekday=6, until=date(2026, 6, 1)),
    Recurrence(Frequency.MONTHLY, date(2026, 3, 31), interval=2, day=31, count=5),
    Recurrence(Frequency.RELATIVE_MONTHLY, date(2026, 3, 10), weekdays=(1,), week=2),
    Recurrence(Frequency.RELATIVE_MONTHLY, date(2026, 3, 31), weekdays=(0, 1, 2, 3, 4), week=-1, count=4),
    Recurrence(Frequency.YEARLY, date(2028, 2, 29), day=29, month=2, until=date(2040, 3, 1)),
    Recurrence(Frequency.RELATIVE_YEARLY, date(2026, 11, 26), weekdays=(3,), week=4, month=11),
)
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
