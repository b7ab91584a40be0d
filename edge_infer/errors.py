# Copyright 2026 The edge_infer maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Every error that a caller may catch, one family per room.

An error is one sentence in two halves: the problem, and what to do next. The
command line prints it as it is and exits with 2; a node publishes it in its
log. Errors that only a programming mistake can raise (TypeError, ...) are not
here.
"""

from __future__ import annotations


class EdgeInferError(Exception):
    """Something a user can put right.

    Args:
        problem: what is wrong, naming the file, topic, key or value.
        remedy: what to do next, as an imperative.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}: {self.remedy}"


def first_line(error: BaseException) -> str:
    """What a library's error says, in one line; its name when it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class UsageError(EdgeInferError):
    """The command line or a launch argument cannot be carried out as given."""


# --- runtime ---------------------------------------------------------------


class RuntimeRoomError(EdgeInferError):
    """The middleware, or what was asked of it."""


class RuntimeUnavailableError(RuntimeRoomError):
    """The chosen middleware is not installed or cannot start here."""


class ParameterError(RuntimeRoomError):
    """A parameter file or override names an unknown key or an unusable value."""


class NameRuleError(RuntimeRoomError):
    """A node, topic or service name breaks the ROS 2 naming rules."""


class LifecycleError(RuntimeRoomError):
    """A managed node cannot go where it was asked to go."""


class MessageError(RuntimeRoomError):
    """A message type is unknown, or bytes are not a message of that type."""


# --- perception --------------------------------------------------------------


class PerceptionError(EdgeInferError):
    """A frame, or what is needed to read it."""


class FrameError(PerceptionError):
    """An image whose encoding, size or bytes do not fit together."""


class PoseError(PerceptionError):
    """A pose that is not finite, or from which the ground cannot be seen."""


class DecodeError(PerceptionError):
    """Raw tensors that the stated detection head cannot have produced."""


# --- backends ----------------------------------------------------------------


class BackendError(EdgeInferError):
    """An inference engine."""


class BackendUnavailableError(BackendError):
    """The engine is not installed, or this machine lacks what it needs."""


class ModelLoadError(BackendError):
    """The engine refuses the weights."""


class InferenceError(BackendError):
    """The engine failed on an input, or gave a result that cannot be used."""


class EngineLostError(InferenceError):
    """The engine does not answer, or its process died: it must be started again."""


# --- models --------------------------------------------------------------------


class ModelError(EdgeInferError):
    """A model bundle: its manifest or one of its weight files."""


# --- fleet -----------------------------------------------------------------------


class FleetError(EdgeInferError):
    """The replicated state of the fleet."""


class NameTakenError(FleetError):
    """Another drone of this name was here first: starting again would not help."""


class IdentityConflictError(FleetError):
    """One sighting identity arrived with two different payloads."""


# --- updates ---------------------------------------------------------------------


class UpdateError(EdgeInferError):
    """A model update: its metadata, a package, a slot or a rollout."""


class TrustError(UpdateError):
    """Metadata or a package that is not signed by whom this drone trusts, or is out of date."""


# --- simulation ----------------------------------------------------------------


class SimulationError(EdgeInferError):
    """The simulated world: its configuration or its module images."""


# --- replay ----------------------------------------------------------------------


class ReplayError(EdgeInferError):
    """A bag that cannot be read, or not to its end, or that lacks what a node needs."""


# --- datasets --------------------------------------------------------------------


class DatasetError(EdgeInferError):
    """Labelled frames: a folder, its labels or one of its images."""


# --- training --------------------------------------------------------------------


class TrainingError(EdgeInferError):
    """A training run, a checkpoint or an export."""
