"""A new process that loads saved models and answers, one line of JSON for each it is sent.

Started as `python -m rnnlab.verify.fresh`: of the process that trained it has the files alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


class FreshProcess:
    """The other end of the line. Starts with the first question; `close` ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        # a pipe that nobody reads would fill up
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - `close` closes it

    def start(self) -> None:
        """Start the process ahead of the first question; its imports take seconds."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rnnlab.verify.fresh"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
            )

    def __call__(self, folder: Path, **question: Any) -> Any:
        """What a saved model answers.

        Args:
            folder: of the model.
            question: `texts`, a list of str; or `tokens` of a stream, a list of int.

        Raises:
            RuntimeError: the process could not load the model or ended.
        """
        import torch

        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        question |= {"folder": str(folder.absolute()), "threads": torch.get_num_threads()}
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process = None
            process.kill()
            self._said.seek(0)
            last = self._said.read().strip().splitlines()[-1:]
            raise RuntimeError(f"the new process ended: {' '.join(last) or 'without a word'}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"in the new process: {answer['error']}")
        return answer["answer"]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(timeout=30)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
        self._said.close()


def answer(question: dict[str, Any]) -> Any:
    """Load the model that a question names, and ask it."""
    import numpy as np

    from rnnlab.data.streams import Stream
    from rnnlab.environment import use_threads
    from rnnlab.language_predictor import LanguagePredictor
    from rnnlab.predictor import Predictor

    use_threads(question["threads"])
    folder = Path(question["folder"])
    if "texts" in question:
        predictions = Predictor.load(folder).predict(question["texts"])
        return predictions.probabilities.tolist()
    tokens = np.array(question["tokens"], np.int32)
    return LanguagePredictor.load(folder).score(Stream(tokens, texts=0, alien=0)).nats


def main() -> None:
    """Answer until there are no more questions."""
    import torch  # noqa: F401 - while the other process computes

    for line in sys.stdin:
        try:
            reply = {"answer": answer(json.loads(line))}
        except Exception as error:  # told to who asked, whose check then fails
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
