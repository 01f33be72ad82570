"""An EventLog that is a list, in this process's memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from footfall.eventlog.contract import Block, Counts, Frame, Group


class ListedLog:
    """What the contract says, kept in a list; nothing outlives the process."""

    def __init__(self, name: str = "listed") -> None:
        self.name = name
        self.blocks: list[Block] = []
        self.readers: dict[str, int] = {}
        self.counts = Counts()
        self.trimmed = 0

    def append(self, group: Group) -> int:
        position = self.end()
        frames: list[Frame] = list(group.frames)
        if frames:
            self.blocks.append(Block(position, sum(frame.count for frame in frames), group.received_us, frames))
        self.counts += group.counts
        return position

    def start(self) -> int:
        return 0

    def end(self) -> int:
        return self.blocks[-1].end if self.blocks else 0

    def read(self, position: int, *, bytes_max: int = 16 << 20) -> Iterator[Block]:
        yield from [block for block in self.blocks if block.end > position]

    def ids(self, since_us: int) -> Iterator[tuple[int, bytes]]:
        yield from ()

    def totals(self) -> Counts:
        return self.counts

    def positions(self) -> Mapping[str, int]:
        return dict(self.readers)

    def move(self, reader: str, position: int) -> None:
        self.readers[reader] = position

    def forget(self, reader: str) -> None:
        self.readers.pop(reader, None)

    def trim(self) -> int:
        self.trimmed += 1
        return 0

    def close(self) -> None:
        pass
