"""The folders of a mailbox, fetched by the worker because somebody has asked for them (9.4)."""

from __future__ import annotations

import logging

from django.db import InterfaceError

from mailboxes.access import AccessIncomplete
from mailboxes.brake import reason_to_wait
from mailboxes.discovery import found_access
from mailboxes.models import Leg, Mailbox, Organization
from profiles.connectors import open_source
from profiles.connectors.base import ConnectorError
from profiles.items import Folder
from profiles.secrets import KeyUnavailable
from serversync.cycles.engine import Clock
from tracking.facts.folder_rules import why_unfit
from tracking.keep.following import store_tree
from tracking.keep.hierarchies import note_answered, take_request

log = logging.getLogger(__name__)


def fetch_next(clock: Clock) -> bool:
    """Answer one request; False when there is none. What goes wrong is written down as the answer, never raised."""
    request = take_request(clock())
    if request is None:
        return False
    mailbox = Mailbox.objects.select_related("email_server_profile").get(pk=request.pk)
    obstacle = why_unfit(mailbox) or reason_to_wait(Organization.current(), mailbox, Leg.INCOMING)
    if obstacle:
        note_answered(request, obstacle)
        return True
    try:
        folders = _ask(mailbox, clock)
    except (AccessIncomplete, KeyUnavailable) as error:
        note_answered(request, str(error))
    except ConnectorError as error:
        note_answered(request, f"{error} {error.remedy}".strip())
    except InterfaceError:
        raise
    except Exception as error:
        log.exception("the folders of the mailbox %s could not be fetched", mailbox.pk)
        note_answered(request, f"Something went wrong in this service: {type(error).__name__}. Its log tells more.")
    else:
        store_tree(mailbox, folders, clock())
        note_answered(request)
    return True


def _ask(mailbox: Mailbox, clock: Clock) -> list[Folder]:
    source = open_source(found_access(mailbox, Leg.INCOMING, clock()))
    try:
        return source.folders()
    finally:
        source.close()
