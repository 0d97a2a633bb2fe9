"""Counts tokens as the embedding model will. Knows tokenizer.json files, and nothing of chunks."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import tokenizers

_WORD = re.compile(r"[^ \t\r\n]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CACHED_WORD_CHARS = 64
_CACHED_WORDS = 300_000
_WINDOW_CHARS = 65_536
_GOOD_ENDS = (" \t", ";}>", ",)|")  # where a line too long for one chunk is best cut, best first
# Characters that belong to the one before them: joiners, variation selectors, emoji modifiers, tags.
_CLINGING = re.compile(r"[\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")


class Tokenizer:
    """A model's tokenizer, without its special tokens, truncation or padding."""

    def __init__(self, tokenizer_json: Path) -> None:
        text = tokenizer_json.read_text(encoding="utf-8")
        config = json.loads(text)
        self._model = tokenizers.Tokenizer.from_str(text)
        self._model.no_truncation()
        self._model.no_padding()
        # BERT never makes a token across white space, so words can be counted one by one and the counts
        # summed. Byte-pair and Unigram models join white space to words: for them a sum is an estimate.
        self.additive = (config.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
        self.fingerprint = hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
        self._words: dict[str, int] = {}

    def count(self, text: str) -> int:
        """Return the number of tokens of `text` when it is encoded alone."""
        if self.additive:
            return self._count_lines([text])[0]
        return len(self._model.encode(_clean(text), add_special_tokens=False))

    def line_totals(self, lines: list[str], max_chars: int) -> list[int]:
        """Return running totals: tokens of `lines[a:b]` are `totals[b] - totals[a]`; exact if `additive`.

        :param max_chars: Longer lines are not counted: they weigh a token for each character.
        """
        over = {row: len(line) for row, line in enumerate(lines) if len(line) > max_chars}
        if over:
            lines = ["" if row in over else line for row, line in enumerate(lines)]
        if self.additive:
            counts = self._count_lines(lines)
        else:
            known = list(dict.fromkeys(lines))
            encoded = self._model.encode_batch_fast([_clean(line) for line in known], add_special_tokens=False)
            sizes = dict(zip(known, map(len, encoded), strict=True))
            counts = [sizes[line] for line in lines]
        for row, chars in over.items():
            counts[row] = chars
        return list(accumulate(counts, initial=0))

    def cut(self, line: str, max_tokens: int, max_chars: int) -> Iterator[tuple[str, int]]:
        """Yield pieces of one long line and their tokens, none over the limits, which join to the line."""
        begin = 0
        while begin < len(line):
            for piece in self._cut_window(line, begin, max_tokens, max_chars):
                begin += len(piece)
                yield from self._halve(piece, max_tokens)

    def _count_lines(self, lines: list[str]) -> list[int]:
        split = [_WORD.findall(line) for line in lines]
        words = self._words
        new = [word for word in dict.fromkeys(w for line in split for w in line) if word not in words]
        sizes: dict[str, int] = {}
        if new:
            if len(words) > _CACHED_WORDS:
                words.clear()
                new = list(dict.fromkeys(w for line in split for w in line))
            encoded = self._model.encode_batch_fast(list(map(_clean, new)), add_special_tokens=False)
            for word, encoding in zip(new, encoded, strict=True):
                (words if len(word) <= _CACHED_WORD_CHARS else sizes)[word] = len(encoding)
        if sizes:
            return [sum(words[w] if w in words else sizes[w] for w in line) for line in split]
        return [sum([words[w] for w in line]) for line in split]

    def _cut_window(self, line: str, begin: int, max_tokens: int, max_chars: int) -> list[str]:
        """Cut one window of a line; its last piece is left for the next window, unless the line ends here."""
        window = line[begin : begin + max(_WINDOW_CHARS, 2 * max_chars)]
        starts = [a for a, _ in self._model.encode(_clean(window), add_special_tokens=False).offsets]
        last = begin + len(window) == len(line)
        pieces: list[str] = []
        at = token = 0
        while at < len(window):
            while token < len(starts) and starts[token] < at:
                token += 1
            limit = starts[token + max_tokens] if token + max_tokens < len(starts) else len(window)
            if limit == len(window) and not last and at + max_chars >= len(window):
                break  # the next window shows whether more fits
            end = _good_end(window, at, min(limit, at + max_chars))
            pieces.append(window[at:end])
            at = end
        return pieces

    def _halve(self, piece: str, max_tokens: int) -> Iterator[tuple[str, int]]:
        """Yield `piece` in parts that hold `max_tokens` counted alone: a word cut in two may count for more."""
        todo = [piece]
        while todo:
            part = todo.pop()
            tokens = self.count(part)
            if len(part) == 1 or tokens <= max_tokens:
                yield part, tokens
            else:
                todo += [part[len(part) // 2 :], part[: len(part) // 2]]


def _clean(text: str) -> str:
    """Replace lone surrogates, which the tokenizer refuses, by a character of the same length."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _good_end(text: str, begin: int, end: int) -> int:
    """Return where to cut at or somewhat before `end`: after a space, else punctuation, never in a glyph."""
    if end >= len(text):
        return len(text)
    floor = begin + max(1, (end - begin) * 3 // 4)
    for marks in _GOOD_ENDS:
        found = max(text.rfind(mark, floor, end) for mark in marks)
        if found >= 0:
            return found + 1
    while end > floor and _clings(text[end], text[end - 1]):
        end -= 1
    return end


def _clings(char: str, before: str) -> bool:
    return bool(unicodedata.combining(char) or _CLINGING.match(char)) or before == "\u200d" or char == "\n"
