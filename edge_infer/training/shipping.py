"""From a run to a bundle that flies: files for every engine, figures, the model card."""

from __future__ import annotations

from pathlib import Path

from edge_infer.datasets.mixture import draw
from edge_infer.errors import TrainingError
from edge_infer.models.bundle import ModelBundle
from edge_infer.training.card import write_card
from edge_infer.training.checkpoint import load_trained
from edge_infer.training.data import open_data
from edge_infer.training.export import export
from edge_infer.training.judge import SCORE_THRESHOLD
from edge_infer.training.progress import teller

CALIBRATION_FRAMES = 64
CALIBRATION_SEED = 3_000_017


def ship(run: Path, data: str, out: Path, *, name: str, version: str, release: int) -> ModelBundle:
    """Export a run's best network with what it was made of.

    Args:
        run: the folder of the run.
        data: what it was trained on; a part of it calibrates and checks the files.
        out: folder of the bundle.
        name: as in the manifest.
        version: as in the manifest.
        release: as in the manifest.
    """
    trained = load_trained(run)
    with teller() as told:
        source = open_data(data, trained.record["config"]["seed"], told.say)
        if source.labels != trained.labels:
            raise TrainingError(
                f"{run} was trained with other classes than --data has", "give the run's own data"
            )
        told.say("writing the files of every engine")
        frames = draw(source.source, CALIBRATION_FRAMES, CALIBRATION_SEED)
        bundle = export(
            trained, frames.images, source.validation, out,
            name=name, version=version, release=release, score_threshold=SCORE_THRESHOLD,
        )  # fmt: skip
        write_card(bundle, trained.record)
    return bundle
