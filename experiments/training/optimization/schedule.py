"""Follows the schedule of a training run, which ends with its epochs or with its time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.record.state import Position


@dataclass
class Schedule:
    """The place of a run on its schedule, counted in epochs from 0 to `config.epochs`.

    Without a time limit it is the number of finished epochs. With one, the rest of the schedule is fitted into the
    time: it advances as far as the epochs or as the time demands, whichever is farther. What a run with a time limit
    left of the schedule is then spread over the remaining epochs or the next time limit. A run resumed at the end of
    its schedule starts it again from the beginning.

    Attributes
    ----------
    config
        Number of epochs and time limit.
    position
        Place of the run; this keeps its `scheduled` and its anchor.
    started
        When this process began, in seconds.
    """

    config: TrainConfig
    position: Position
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        position = self.position
        if position.scheduled >= self.config.epochs > position.epochs:
            position.scheduled = 0.0
            position.anchor = (position.done, 0.0)
        elif self.config.max_minutes is not None or position.scheduled > self._by_epochs(position.done):
            position.anchor = (position.done, position.scheduled)

    def elapsed(self) -> float:
        """Return the elapsed share of the time limit; 0 without one."""
        limit = self.config.max_minutes
        return 0.0 if limit is None else (time.monotonic() - self.started) / (60 * limit)

    def advance(self, done: float, elapsed: float = 0.0) -> float:
        """Move on and return the new place on the schedule.

        Parameters
        ----------
        done
            Number of finished epochs, with the fraction of the current one.
        elapsed
            Share of the time limit, on which all processes must agree.
        """
        end, (_, place) = self.config.epochs, self.position.anchor
        reached = max(self._by_epochs(done), place + (end - place) * elapsed)
        self.position.done, self.position.scheduled = done, min(max(reached, self.position.scheduled), end)
        return self.position.scheduled

    def _by_epochs(self, done: float) -> float:
        """Return the place after so many epochs, as if there were no time limit."""
        end, (epochs, place) = self.config.epochs, self.position.anchor
        if epochs == place:
            return done  # exactly
        return place + (end - place) * (done - epochs) / max(end - epochs, 1e-9)

    @property
    def is_early(self) -> bool:
        """Whether the run is in the part of the schedule that `config.early` describes."""
        early = self.config.early
        return early is not None and self.position.scheduled < early.share * self.config.epochs
