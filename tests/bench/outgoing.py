"""Mails per CPU second through SMTP: the product, and what others need for the same mails (`make bench`, "outgoing").

    python -m tests.bench.outgoing TASK PORTS COUNT    one measurement in a process of its own, the result as JSON

The same text to the same two hundred people, over one connection to the sandbox, whose CPU is not counted. The floor
sends bytes that lie ready; Django's loop composes and keeps no state; django-post-office composes, and keeps a row per
mail; the product sends what was composed when it was submitted, with a row per mail and one per recipient.
"""

from __future__ import annotations

import gc
import json
import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.world import ROOT, SandboxProcess

AIM = 1400
PRODUCT, SUBMIT = "product: what was submitted leaves", "product: written and submitted"
FLOOR = "smtplib, ready bytes, one connection"
DJANGO, POST_OFFICE = "Django's EmailMessage, one connection", "django-post-office"
TASKS = [FLOOR, DJANGO, POST_OFFICE, SUBMIT, PRODUCT]
SENDER = "alice@us.test"
TEXT = "Dear customer,\n\nplease find below what we talked about last week.\n\n" + "The offer stands for a month. " * 20
Result = dict[str, float]


def mails(count: int) -> Iterator[tuple[str, str, str]]:
    """Recipient, subject and text of each."""
    for number in range(count):
        yield f"person{number % 200}@acme.test", f"Offer {number}", f"{TEXT}\n\nNumber {number}"


def print_outgoing(home: Path, count: int, runs: int) -> None:
    """The table, medians of some runs; each measurement has a process and a database of its own."""
    home.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Result]] = {task: [] for task in TASKS}
    with SandboxProcess() as sandbox:
        for run in range(runs):
            for task in TASKS:
                sandbox.reset()
                sandbox.account(SENDER)
                found[task].append(_measure(task, sandbox, home / f"{run}-{TASKS.index(task)}", count))
                arrived = sum(box["folders"].get("inbox", 0) for box in sandbox.mailboxes())
                assert task == SUBMIT or arrived == count, f"{task}: {arrived} of {count} arrived"
    print(f"\nOutgoing: mails per CPU second through SMTP, {count} mails, median of {runs} runs")
    rates = {task: median(one["mails"] / one["cpu"] for one in results) for task, results in found.items()}
    for task, rate in rates.items():
        print(f"  {task:<44}{rate:>8.0f}{rate / rates[FLOOR]:>8.2f}")
    print(f"  aim: {AIM}, {'reached' if rates[PRODUCT] >= AIM else 'MISSED'}")


def _measure(task: str, sandbox: SandboxProcess, folder: Path, count: int) -> Result:
    folder.mkdir(parents=True)
    settings = "tests.bench.post_office" if task == POST_OFFICE else "tests.settings"
    around = os.environ | {"TEST_VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": settings}
    command = [sys.executable, "-m", "tests.bench.outgoing", task, json.dumps(sandbox.ports), str(count)]
    answer = subprocess.run(command, cwd=ROOT, env=around, stdout=subprocess.PIPE, check=True)
    result: Result = json.loads(answer.stdout.splitlines()[-1])
    return result


def measured(task: str, ports: dict[str, int], count: int) -> Result:
    """Prepare, then do one task and say what it cost. Starting Python and Django is not part of it."""
    import django

    django.setup()
    if task == FLOOR:
        return _cost(lambda: _by_smtplib(ports["smtp"], list(_ready_bytes(count))))
    if task == DJANGO:
        return _cost(lambda: _by_django(ports["smtp"], count))
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if task == POST_OFFICE:
        return _cost(_by_post_office(ports["smtp"], count))
    mailbox = _mailbox(ports)
    if task == SUBMIT:
        return _cost(lambda: _submit_all(mailbox, count))
    _submit_all(mailbox, count)
    return _cost(_by_product(mailbox))


def _cost(work: Callable[[], int]) -> Result:
    gc.collect()
    before = time.process_time()
    done = work()
    return {"mails": done, "cpu": time.process_time() - before}


def _ready_bytes(count: int) -> Iterator[tuple[str, bytes]]:
    from django.utils import timezone

    from profiles.connectors import mime

    for number, (to, subject, text) in enumerate(mails(count)):
        sender, recipient = mime.Address("Alice", SENDER), mime.Address("", to)
        message_id, now = f"<{number}@us.test>", timezone.now()
        yield (
            to,
            mime.compose(message_id=message_id, date=now, sender=sender, to=[recipient], subject=subject, text=text),
        )


def _by_smtplib(port: int, ready: list[tuple[str, bytes]]) -> int:
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.login(SENDER, "secret")
        for to, raw in ready:
            server.sendmail(SENDER, [to], raw)
    return len(ready)


def _by_django(port: int, count: int) -> int:
    from django.core.mail import EmailMessage, get_connection

    backend = "django.core.mail.backends.smtp.EmailBackend"
    with get_connection(backend, host="127.0.0.1", port=port, username=SENDER, password="secret") as connection:
        return sum(
            EmailMessage(subject, text, SENDER, [to], connection=connection).send() or 0
            for to, subject, text in mails(count)
        )


def _by_post_office(port: int, count: int) -> Callable[[], int]:
    from django.conf import settings
    from post_office import mail  # type: ignore[import-untyped]

    settings.EMAIL_PORT, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = port, SENDER, "secret"
    mail.send_many(
        [
            {"recipients": [to], "sender": SENDER, "subject": subject, "message": text}
            for to, subject, text in mails(count)
        ]
    )

    def work() -> int:
        sent = 0
        while done := mail.send_queued(processes=1)[0]:
            sent += done
        return sent

    return work


def _mailbox(ports: dict[str, int]) -> Any:
    from mailboxes.models import Mailbox
    from tests.bench.servers import DistantSandbox
    from tests.company import Company

    company = Company(DistantSandbox(ports))
    company.user("Alice", company.pop3_profile())
    return Mailbox.objects.get(email_address=SENDER)


def _submit_all(mailbox: Any, count: int) -> int:
    from django.utils import timezone

    from profiles.connectors.mime import Address
    from tracking.crm import delivery
    from tracking.crm.writing import NewEmail, write_draft

    for to, subject, text in mails(count):
        now = timezone.now()
        delivery.submit(write_draft(NewEmail(mailbox, [Address("", to)], subject, text=text), now), now)
    return count


def _by_product(mailbox: Any) -> Callable[[], int]:
    from mailboxes.models import Leg
    from mailboxes.reach import access_to
    from profiles.connectors import open_outbox
    from tests.company import run

    open_outbox(access_to(mailbox, Leg.OUTGOING))  # loads the client; nothing is sent before its first use

    def work() -> int:
        ended = run(mailbox, Leg.OUTGOING)
        assert ended.error is None, ended.error
        return ended.report.sent

    return work


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))))
