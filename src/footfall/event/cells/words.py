"""Eight bytes at a time: unaligned loads and stores for the byte loops, and a search in a word.

numba reads arrays one element at a time.  Values are short and many, so most of the time of a byte loop goes into finding its end;
a word at a time takes a third of it.  A load may look 7 bytes past a value and a copy may write 7 bytes past it, so every
array these functions see has `SLACK` spare bytes at its end.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from footfall.event.raw import Octets

SLACK = 16
_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    from llvmlite import ir

    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), ir.IntType(64).as_pointer())


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def load(_typing: Any, octets: Any, index: Any) -> Any:  # noqa: ARG001
    """The eight bytes from `index` on, the first one lowest."""

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_pointer(context, builder, signature.args[0], arguments[0], arguments[1]))
        value.align = 1
        return value

    return types.uint64(octets, types.intp), make


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def store(_typing: Any, octets: Any, index: Any, word: Any) -> Any:  # noqa: ARG001
    """Write eight bytes from `index` on."""

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        saved = builder.store(arguments[2], _pointer(context, builder, signature.args[0], arguments[0], arguments[1]))
        saved.align = 1
        return context.get_dummy_value()

    return types.void(octets, types.intp, types.uint64), make


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def first_marked(_typing: Any, marks: Any) -> Any:  # noqa: ARG001
    """Which byte of a word is the first with a bit set (0 to 7); the word is not 0."""

    def make(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        zeros = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.lshr(zeros, ir.Constant(ir.IntType(64), 3))

    return types.intp(types.uint64), make


@numba.njit(nogil=True, cache=True, forceinline=True)
def marks_of(word: Any, octet: Any) -> Any:
    """A word whose lowest set bit lies in the first byte that equals `octet` (a word of eight copies); 0 when there is none."""
    other = word ^ octet
    return (other - _ONES) & ~other & _TOPS


@numba.njit(nogil=True, cache=True, forceinline=True)
def marks_below(word: Any, octet: Any) -> Any:
    """The same for the first byte below `octet` (at most 128)."""
    return (word - octet) & ~word & _TOPS


@numba.njit(nogil=True, cache=True, forceinline=True)
def copy(octets: Any, start: int, stop: int, out: Any, at: int) -> int:
    """Copy octets[start:stop] to out[at:]; the place after it.  Up to 7 bytes behind that are overwritten."""
    shift = at - start
    for i in range(start, stop, 8):
        store(out, i + shift, load(octets, i))
    return stop + shift


@numba.njit(nogil=True, cache=True, forceinline=True)
def same(octets: Any, start: int, other: Any, begin: int, size: int) -> bool:
    """Whether octets[start:start + size] equals other[begin:begin + size]."""
    k = 0
    while k + 8 <= size:
        if load(octets, start + k) != load(other, begin + k):
            return False
        k += 8
    if k == size:
        return True
    return (load(octets, start + k) ^ load(other, begin + k)) << np.uint64(8 * (8 - (size - k))) == np.uint64(0)


def octets_of(raw: bytes) -> Octets:
    """Bytes as a writable array with slack behind them."""
    octets = np.zeros(len(raw) + SLACK, np.uint8)
    octets[: len(raw)] = np.frombuffer(raw, np.uint8) if raw else 0
    return octets
