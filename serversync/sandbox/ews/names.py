"""ResolveNames and ConvertId: who is meant by a piece of a name, and ids in other formats."""

from __future__ import annotations

from serversync.sandbox.ews.access import Call, Content, for_each
from serversync.sandbox.ews.fields import mailbox
from serversync.sandbox.ews.soap import Element, EwsError, inner_text, m, t

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def resolve_names(call: Call) -> list[Element]:
    """ResolveNames: the accounts whose address contains the entry; several are a warning, none is an error."""
    return for_each(call, [call.body], lambda request: _resolve(call, request))


def _resolve(call: Call, request: Element) -> Content:
    entry = inner_text(request, "UnresolvedEntry").lower().removeprefix("smtp:")
    found = [account.address for key, account in call.world.accounts.items() if entry and entry in key]
    exact = [address for address in found if address.lower() == entry]
    people = [t("Resolution", mailbox(address.partition("@")[0], address)) for address in exact or found]
    if not people:
        raise EwsError("ErrorNameResolutionNoResults", "No results were found.")
    size = {"TotalItemsInView": str(len(people)), "IncludesLastItemInRange": "true"}
    content = m("ResolutionSet", *people, **size)
    if len(people) > 1:
        words = "Multiple results were found."
        raise EwsError("ErrorNameResolutionMultipleResults", words, kind="Warning", content=(content,))
    return [content]


def convert_id(call: Call) -> list[Element]:
    """ConvertId: this world has one form of id, so only the name of the format changes.

    Clients probe the server's version with an id that is none; that is ErrorInvalidIdMalformed.
    """
    target = call.body.get("DestinationFormat", "EwsId")

    def convert(source: Element) -> Content:
        wanted = source.get("Id", "")
        owner = next((box for box in call.world.mailboxes() if wanted in box.folders or box.find(wanted)), None)
        if owner is None:
            raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.")
        converted = m("AlternateId", Format=target, Id=wanted, Mailbox=owner.address)
        converted.set(XSI_TYPE, "t:AlternateIdType")
        return [converted]

    return for_each(call, call.part("SourceIds"), convert)
