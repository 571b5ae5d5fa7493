"""Moments: what callers write -> microseconds since 1970 in UTC -> ISO 8601."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
FORMS = "an ISO 8601 text as 2026-05-01T08:30:00Z, a datetime, or seconds since 1970"


def micro(value: Any, name: str = "time") -> int:
    """A moment as microseconds since 1970 in UTC.

    Args:
        value: an ISO 8601 text, a datetime, a numpy.datetime64, or seconds since 1970. What names
            no time zone is in UTC; a date alone is its midnight.
        name: how errors name it.

    Raises:
        ValueError: it is none of these, or out of the years 1 to 9999.
    """
    refused = ValueError(f"{name}={value!r} is no moment; give {FORMS}")
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        elif isinstance(value, np.datetime64):
            value = value.astype("datetime64[us]").item()
        if isinstance(value, datetime):
            zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
            return (zoned - EPOCH) // MICRO
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            raise refused
        found = round(float(value) * 1e6)
        iso(found)
        return found
    except (ValueError, OverflowError):
        raise refused from None


def iso(value: int) -> str:
    """The moment in ISO 8601, in UTC: 2026-05-01T08:30:00Z, with a fraction where it has one."""
    text = (EPOCH + value * MICRO).isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if "." in text else text) + "Z"
