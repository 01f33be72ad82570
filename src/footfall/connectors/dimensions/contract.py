"""Where the rows of a dimension come from."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa


class DimensionSource(Protocol):
    """A table somewhere else that describes people or things.

    Between `changed` and `load` nothing is promised: a source that changes while it is read must say `changed` afterwards.
    """

    def load(self) -> pa.Table:
        """All of its rows in their order.

        Raises:
            InvalidConfig: what is declared cannot be: a file that is not there, a query that is none.
            StorageFailed: it cannot be read now.
        """

    def changed(self) -> bool:
        """Whether its rows may be others than `load` last gave; True before the first load.

        Raises:
            InvalidConfig, StorageFailed: as `load`.
        """
