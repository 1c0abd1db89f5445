"""Read typed codes, and compute one-time ones (RFC 4226): shared by everything code-shaped."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from idp.core.errors import Refused
from idp.core.ids import READABLE
from idp.core.model import Method
from idp.core.result import Result

# The same for wrong and used: whoever tries codes must not learn that one was right once.
WRONG = (
    "That code is not right. Use the newest code and try again. "
    "After several wrong tries, sign-in pauses for an hour."
)
# For codes that nothing makes anew.
NOT_THAT_CODE = (
    "That code is not right, or was used already. Check it and try again. "
    "After several wrong tries, sign-in pauses for an hour."
)
# Where a user name is typed beside the code: unknown, locked, disabled and wrong alike.
NOT_BOTH = (
    "That user name or code is not right. Check both and try again. "
    "After several wrong tries, this pauses for an hour."
)
_NOT_A_CODE = "A code has digits only. Type it as it is shown."
_LONGEST = 64
_DRIFT = 1  # time steps either way (RFC 6238 5.2)
# For the record only: whose clock is minutes behind, or who typed what stood there a while ago.
_LOOKED_BACK = 20
# Spaces, dashes, and the invisible direction marks that copying from a page brings along.
_IGNORED = {"Zs", "Pd", "Cc", "Cf"}


def read_code(text: str, *, digits: int) -> str:
    """Return a typed code as that many ASCII digits, whatever script it was typed in.

    Raises Refused when it is anything else.
    """
    if len(text) > _LONGEST:
        raise Refused(_NOT_A_CODE, result=Result.WRONG_CODE)
    values = [unicodedata.decimal(letter, None) for letter in text if not _ignored(letter)]
    if len(values) != digits or None in values:
        raise Refused(_NOT_A_CODE, result=Result.WRONG_CODE)
    return "".join(str(value) for value in values)


def read_letters(text: str) -> str:
    """Return a typed code of our readable alphabet in capital letters, without what groups it.

    Raises Refused when it is anything else.
    """
    plain = unicodedata.normalize("NFKC", text[: _LONGEST + 1])
    code = "".join(letter for letter in plain.upper() if not _ignored(letter))
    if len(text) > _LONGEST or not code or any(letter not in READABLE for letter in code):
        raise Refused(NOT_THAT_CODE, result=Result.WRONG_CODE)
    return code


def hotp(seed: bytes, counter: int, *, digits: int, algorithm: str) -> str:
    """Return the one-time password of RFC 4226 5.3; algorithm is a hash name ("sha1").

    Our own, since pyotp refuses the 80-bit seeds that many hardware tokens carry.
    """
    mac = hmac.digest(seed, counter.to_bytes(8, "big"), algorithm)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a token makes its codes: hash, number of digits, seconds per step."""

    algorithm: str = "sha1"
    digits: int = 6
    period: int = 30

    @classmethod
    def of(cls, data: Mapping[str, str]) -> Shape:
        """Return the shape a method's data tells; what is left out is the usual."""
        usual = cls()
        return cls(
            algorithm=data.get("algorithm", usual.algorithm),
            digits=int(data.get("digits", usual.digits)),
            period=int(data.get("period", usual.period)),
        )

    def data(self) -> Mapping[str, str]:
        """Return the shape as a method's data."""
        return {
            "algorithm": self.algorithm,
            "digits": str(self.digits),
            "period": str(self.period),
        }


def accepted(seed: bytes, shape: Shape, typed: str, now: datetime, *, after: int) -> int:
    """Return the time step, within the drift and after the last used, whose code was typed.

    Raises Refused, the same for wrong, used and old: only its result differs, which goes on record.
    """
    code = read_code(typed, digits=shape.digits).encode()
    current = int(now.timestamp()) // shape.period
    # All are compared, so that timing does not tell which step was near.
    matching = [
        step
        for step in range(max(0, current - _DRIFT - _LOOKED_BACK), current + _DRIFT + 1)
        if hmac.compare_digest(code, _code(seed, shape, step))
    ]
    near = [step for step in matching if step >= current - _DRIFT]
    fresh = [step for step in near if step > after]
    if not fresh:
        old = Result.CODE_EXPIRED if matching else Result.WRONG_CODE
        raise Refused(WRONG, result=Result.CODE_USED if near else old)
    return fresh[0]


def which(held: Sequence[tuple[Method, bytes]], typed: str, now: datetime) -> tuple[int, Method]:
    """Return the time step and the method, out of these with their seeds, whose code was typed.

    Raises Refused.
    """
    problem = Refused(WRONG, result=Result.WRONG_CODE)
    for method, seed in held:
        try:
            return accepted(seed, Shape.of(method.data), typed, now, after=method.counter), method
        except Refused as refused:
            # Of a code that was used in one place no other knows anything.
            problem = problem if problem.result is Result.CODE_USED else refused
    raise problem


def _code(seed: bytes, shape: Shape, step: int) -> bytes:
    return hotp(seed, step, digits=shape.digits, algorithm=shape.algorithm).encode()


def target_of(person_id: str) -> str:
    """Return the key under which attempts on a person's codes are counted."""
    return "person:" + person_id


def _ignored(letter: str) -> bool:
    return unicodedata.category(letter) in _IGNORED
