"""Make sentences into sound files that can be played into a call, by espeak-ng and sox."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

_RATE = 8000  # what telephones carry
_SILENCE = 120  # seconds behind the words: a source that ends would end the call
_SECONDS = 20  # that making one may take
# What espeak-ng calls voices that Twilio calls otherwise.
_VOICES = {"arb": "ar", "en": "en-us"}


class NoSpeech(Exception):
    """The sentences could not be made into sound."""


class Speaker:
    """Makes sounds for one call, each once; its folder goes with the call, and the codes in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def say(self, sentences: Sequence[tuple[str, str]]) -> tuple[Path, float]:
        """Return the file for sentences, each with its language, and for how many seconds they last.

        Raises NoSpeech.
        """
        name = hashlib.sha256(repr(list(sentences)).encode()).hexdigest()[:32]
        spoken, padded = self._folder / f"{name}-words.wav", self._folder / f"{name}.wav"
        if not padded.exists():
            parts = [self._part(f"{name}-{place}", *one) for place, one in enumerate(sentences)]
            rate = ["-r", str(_RATE), "-c", "1", "-b", "16"]
            draft = self._folder / f"{name}-draft.wav"
            if parts:
                _run(["sox", *parts, *rate, spoken])
                _run(["sox", spoken, draft, "pad", "0", str(_SILENCE)])
            else:
                _run(["sox", "-n", *rate, spoken, "trim", "0", "0.1"])
                _run(["sox", "-n", *rate, draft, "trim", "0", str(_SILENCE)])
            draft.replace(padded)
        with wave.open(str(spoken)) as sound:
            return padded, sound.getnframes() / sound.getframerate()

    def _part(self, name: str, language: str, text: str) -> Path:
        path = self._folder / f"{name}.wav"
        tag = language.lower()
        voice = _VOICES.get(tag.partition("-")[0], tag)
        try:
            _run(["espeak-ng", "-v", voice, "-w", path, "--stdin"], text)
        except NoSpeech:
            _run(["espeak-ng", "-v", tag.partition("-")[0], "-w", path, "--stdin"], text)
        return path


def _run(command: Sequence[str | Path], text: str = "") -> None:
    program = shutil.which(str(command[0]))
    if program is None:
        raise NoSpeech(f"{command[0]} is not installed")
    try:
        subprocess.run(
            [program, *command[1:]],
            input=text,
            text=True,
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise NoSpeech(f"{command[0]} failed: {type(error).__name__}") from error
