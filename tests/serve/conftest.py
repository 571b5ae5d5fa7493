"""What is not installed is not tested: the page needs fastapi, its tests a client and a browser."""

import warnings
from importlib.util import find_spec

NEEDS = ("fastapi", "uvicorn", "lancedb", "httpx", "websockets")
missing = [name for name in NEEDS if find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if missing else []
if missing:
    warnings.warn(f"NOT TESTED: the page, without {', '.join(missing)}", stacklevel=1)
