"""What a file is, from its first MiB: format, encoding, line ends, delimiter, header.  What the user says is not questioned."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import msgspec

from footfall.connectors.files.delimited import first_record
from footfall.connectors.files.discover import SourceFile
from footfall.connectors.files.options import FORMATS, FileOptions
from footfall.connectors.files.streams import FileStream, bom_of
from footfall.errors import InvalidFile, InvalidQuery, nearest

SAMPLE_BYTES = 1 << 20
_DELIMITERS = ",\t;|"
_LOG_LINE = re.compile(r'^"?\S+ \S+ .*?\[\d{1,2}/[A-Za-z]{3}/\d{4}:\d{2}:\d{2}:\d{2}[^\]]*\] "')
_SCALAR = r'(?:"(?:[^"\\]|\\.)*"|[-+\d.eE]+|true|false|null)'
_WRAPPER = re.compile(rf'^\s*\{{\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*{_SCALAR}\s*,\s*)*"(?:[^"\\]|\\.)*"\s*:\s*\[(?=\s*\{{)')
_NUMERIC = re.compile(r"^[-+]?\d[\d.,:/ T+-]*([eE][-+]?\d+)?Z?$")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MAGIC = {b"%PDF": "a PDF document", b"\x89PNG": "an image", b"\xff\xd8\xff": "an image", b"GIF8": "an image", b"SQLite format 3": "an SQLite database",
          b"\x7fELF": "a program", b"7z\xbc\xaf": "a 7z archive", b"Rar!": "a RAR archive", b"ARROW1": "an Arrow file"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a file is written.  `start_bytes` and `start_line` say where its first row begins in the text behind the byte order mark."""

    kind: str
    encoding: str = "utf-8"
    bom_bytes: int = 0
    line_end: int = 10
    delimiter: str = ","
    header: bool = False
    columns: tuple[str, ...] = ()
    start_bytes: int = 0
    start_line: int = 0
    compression: str | None = None
    notes: tuple[str, ...] = ()
    records: tuple[str, ...] = field(default=())

    def describe(self) -> str:
        """The format in a few words."""
        words = {"csv": f"delimited by {_named(self.delimiter)}", "ndjson": "one JSON object a line", "json": "JSON objects in one value",
                 "log": "access log", "parquet": "Parquet", "records": f"nested records delimited by {_named(self.delimiter)}"}  # fmt: skip
        packed = f", {self.compression}" if self.compression else ""
        head = (", with a header" if self.header else ", without a header") if self.kind == "csv" else ""
        return f"{words[self.kind]}{head}{packed}"


def _named(delimiter: str) -> str:
    return {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}.get(delimiter, repr(delimiter))


def sniff(file: SourceFile, options: FileOptions) -> tuple[FileFormat, bytes]:
    """The format of a file, and its first MiB as UTF-8 text behind the byte order mark (nothing for Parquet)."""
    _check(options)
    stream = FileStream(file)
    try:
        sample = _read(stream, SAMPLE_BYTES)
    finally:
        stream.close()
    if not sample:
        raise InvalidFile(f"{file.name} is empty", field="files", got=file.name, hint="check that it was written completely")
    if options.format == "parquet" or sample[:4] == b"PAR1":
        return _parquet(file, stream.compression), b""
    encoding, bom_bytes, notes = _encoding(file, sample, options)
    whole = len(sample) < SAMPLE_BYTES
    text = _to_utf8(sample[bom_bytes:], encoding)
    if not text.strip():
        raise InvalidFile(f"{file.name} holds nothing but blanks", field="files", got=file.name, hint="check that it was written completely")
    line_end = 13 if b"\r" in text and b"\n" not in text else 10
    about = {"encoding": encoding, "bom_bytes": bom_bytes, "line_end": line_end, "compression": stream.compression, "notes": notes}
    kind = options.format or ("records" if options.records else _kind(text, line_end, whole=whole))
    if kind == "json":
        start = _array_start(text)
        return FileFormat(kind, **about, start_bytes=start, start_line=text[:start].count(line_end)), text  # type: ignore[arg-type]
    if kind in ("ndjson", "log"):
        return FileFormat(kind, **about), text  # type: ignore[arg-type]
    return _delimited(file, text, options, FileFormat(kind, **about, records=options.records), whole=whole), text  # type: ignore[arg-type]


def _check(options: FileOptions) -> None:
    if options.format is not None and options.format not in FORMATS:
        near = nearest(options.format, FORMATS, limit=1)
        raise InvalidQuery(
            f"{options.format!r} is not a file format", field="format", got=options.format, allowed=FORMATS,
            hint=f"did you mean {near[0]!r}?" if near else "formats: " + ", ".join(FORMATS),
        )  # fmt: skip
    if options.delimiter is not None and (len(options.delimiter) != 1 or ord(options.delimiter) > 127 or options.delimiter in '"\r\n'):
        raise InvalidQuery(
            f"{options.delimiter!r} cannot delimit fields", field="delimiter", got=options.delimiter, hint="use one character such as ; or |"
        )
    if options.encoding is not None:
        try:
            codecs.lookup(options.encoding)
        except LookupError as problem:
            raise InvalidQuery(
                f"{options.encoding!r} is not an encoding", field="encoding", got=options.encoding, hint="try utf-8, latin-1, cp1252 or utf-16"
            ) from problem


def _read(stream: FileStream, size: int) -> bytes:
    buffer = bytearray(size)
    filled = 0
    while filled < size and (got := stream.readinto(memoryview(buffer)[filled:])):
        filled += got
    return bytes(buffer[:filled])


def _parquet(file: SourceFile, compression: str | None) -> FileFormat:
    if compression is not None:
        raise InvalidFile(
            f"{file.name} is Parquet inside {compression}", field="files", got=file.name, hint="unpack it first: Parquet is read from its end"
        )
    return FileFormat("parquet")


def _encoding(file: SourceFile, sample: bytes, options: FileOptions) -> tuple[str, int, tuple[str, ...]]:
    bom = bom_of(sample)
    if options.encoding is not None:
        name = codecs.lookup(options.encoding).name
        if name in ("utf-8-sig", "utf-16") or (bom is not None and bom[0] == name):
            return (bom or ("utf-16-le" if name == "utf-16" else "utf-8", 0)) + ((),)
        return name, 0, ()
    if bom is not None:
        return (*bom, ())
    _refuse_binary(file, sample)
    good, bad = _high_bytes(sample)
    if bad > good:
        return "iso8859-1", 0, (f"the bytes are not UTF-8, so they are read as Latin-1 ({bad} bytes in the first MiB); name another with --encoding",)
    return "utf-8", 0, ()


def _refuse_binary(file: SourceFile, sample: bytes) -> None:
    what = next((words for magic, words in _MAGIC.items() if sample.startswith(magic)), None)
    if what is None and sample[257:262] == b"ustar":
        what = "a tar archive"
    controls = len(_CONTROL.findall(sample[:65_536]))
    if what is None and (b"\0" in sample[:65_536] or controls * 50 > len(sample[:65_536])):
        what = "binary"
    if what is not None:
        raise InvalidFile(
            f"{file.name} is {what}, not rows of text",
            field="files",
            got=file.name,
            hint="footfall reads CSV, TSV, JSON, Parquet and access logs, plain or packed; UTF-16 without a byte order mark needs --encoding utf-16",
        )


def _high_bytes(sample: bytes) -> tuple[int, int]:
    """How many bytes beyond ASCII are part of UTF-8 characters, and how many are not."""
    try:
        text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample)
    except UnicodeDecodeError:  # pragma: no cover - surrogateescape lets every byte through
        return 0, 0
    if text.isascii():
        return 0, 0
    bad = sum(1 for letter in text if "\udc80" <= letter <= "\udcff")
    return sum(1 for letter in text if letter > "\x7f") - bad, bad


def _to_utf8(sample: bytes, encoding: str) -> bytes:
    if encoding == "utf-8":
        return sample
    return codecs.getincrementaldecoder(encoding)("replace").decode(sample).encode("utf-8", "replace")


def _lines(text: bytes, line_end: int, most: int) -> list[str]:
    return [line.decode("utf-8", "replace") for line in text[: 1 << 18].split(bytes([line_end]))[:most] if line.strip()]


def _kind(text: bytes, line_end: int, *, whole: bool) -> str:
    first = text.lstrip()[:1]
    lines = _lines(text, line_end, 40)
    if first == b"[":
        return "json"
    if first == b"{":
        objects = [_is_object(line) for line in lines]
        if objects[0] and whole and len(lines) == 1 and _WRAPPER.match(text.decode("utf-8", "replace")):
            return "json"
        return "ndjson" if any(objects) or (not whole and len(lines) == 1 and not _WRAPPER.match(lines[0])) else "json"
    logs = sum(1 for line in lines if _LOG_LINE.match(line))
    return "log" if logs * 2 > len(lines) else "csv"


def _is_object(line: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(line.encode("utf-8", "replace")), dict)
    except (msgspec.DecodeError, ValueError):
        return False


def _array_start(text: bytes) -> int:
    """Behind the bracket that opens the array of rows; 0 for objects that follow each other."""
    if text.lstrip()[:1] == b"[":
        return text.index(b"[") + 1
    wrapped = _WRAPPER.match(text.decode("utf-8", "surrogateescape"))
    return len(wrapped.group().encode("utf-8", "surrogateescape")) if wrapped else 0


def _delimited(file: SourceFile, text: bytes, options: FileOptions, about: FileFormat, *, whole: bool) -> FileFormat:
    head = text if whole else text[: text.rfind(bytes([about.line_end])) + 1] or text
    decoded = head[: 1 << 18].decode("utf-8", "replace")
    delimiter = options.delimiter or _delimiter(decoded)
    if about.kind == "records":
        return replace(about, delimiter=delimiter)
    fields, passed, lines = first_record(text, delimiter, about.line_end)
    if not fields:
        raise InvalidFile(
            f"{file.name} has a first row that never ends", field="files", got=file.name, hint="look for a quote that is not closed in it"
        )
    header = options.header if options.header is not None else _is_header(fields)
    columns = _unique([name.strip() for name in fields]) if header else tuple(f"c{place}" for place in range(len(fields)))
    if header and whole and not text[passed:].strip():
        raise InvalidFile(
            f"{file.name} has a header and no rows", field="files", got=file.name, hint="check that it was written completely; if the first row is data add --no-header"
        )  # fmt: skip
    start, start_line = (passed, lines) if header else (0, 0)
    return replace(about, delimiter=delimiter, header=header, columns=columns, start_bytes=start, start_line=start_line)


def _delimiter(decoded: str) -> str:
    """The delimiter under which most rows have the same number of fields, more than one."""
    best, best_score = ",", (0, 0)
    lines = decoded.splitlines(keepends=True)[:200]
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error:
            continue
        width, rows = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
        score = (rows, width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def _is_header(fields: list[str]) -> bool:
    """A first row names columns when no field of it is empty or a number or a time, and none occurs twice."""
    names = [name.strip() for name in fields]
    return all(names) and len(set(names)) == len(names) and not any(_NUMERIC.match(name) for name in names)


def _unique(names: list[str]) -> tuple[str, ...]:
    """Column names as given; an empty one becomes c0, c1, … by its place, a repeated one gets _2, _3 and so on."""
    unique: list[str] = []
    for place, name in enumerate(names):
        wanted = name or f"c{place}"
        copy = 2
        final = wanted
        while final in unique:
            final = f"{wanted}_{copy}"
            copy += 1
        unique.append(final)
    return tuple(unique)
