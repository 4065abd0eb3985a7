"""Under which property a meeting with a UID is found: PidLidCleanGlobalObjectId (MS-OXOCAL 2.2.1.28). Exchange lets nobody
search by the UID itself."""

from __future__ import annotations

import base64
import struct

CLEAN_ID = {"DistinguishedPropertySetId": "Meeting", "PropertyId": "35", "PropertyType": "Binary"}
_CLASS = bytes.fromhex("040000008200E00074C5B7101A82E008")
_FROM_ELSEWHERE = b"vCal-Uid\x01\x00\x00\x00"


def clean_global_object_id(uid: str) -> str:
    """The property of a meeting with this UID, of all its occurrences alike, as it stands in a request. A UID that is none
    of Exchange's own is wrapped, as Exchange does with what comes from elsewhere."""
    try:
        known = bytes.fromhex(uid)
    except ValueError:
        known = b""
    if not known.startswith(_CLASS):
        data = _FROM_ELSEWHERE + uid.encode() + b"\x00"
        known = _CLASS + b"\x00" * 20 + struct.pack("<I", len(data)) + data
    return base64.b64encode(known[:16] + b"\x00" * 4 + known[20:]).decode()
