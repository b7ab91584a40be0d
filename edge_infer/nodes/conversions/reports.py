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

"""What drones and the gateway tell about updates, to messages and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_infer.dashboard.snapshot import RolloutView
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.updates.release import UpdateState
from edge_infer.updates.rollout import rollout
from edge_infer.updates.rollout.reports import DroneReport, HealthSample

_STATES = {state.value: state for state in UpdateState}


def drone_report_to_msg(messages: Mapping[str, type], report: DroneReport, stamp_ns: int) -> Any:
    """An edge_infer_msgs/msg/UpdateStatus."""
    return messages["edge_infer_msgs/msg/UpdateStatus"](
        header=header_to_msg(messages, stamp_ns, ""),
        source=report.drone,
        boot=report.boot,
        hardware=report.hardware,
        state=report.state.value,
        model_name=report.model,
        model_version=report.model_version,
        running_release=report.running_release,
        running_digest=report.running_digest,
        wanted_release=report.wanted_release,
        wanted_digest=report.wanted_digest,
        progress=report.progress,
        message=report.message,
        installs=report.installs,
        rollbacks=report.rollbacks,
        refusals=report.refusals,
    )


def drone_report_from_msg(msg: Any) -> DroneReport | None:
    """A drone's report; None when its state is none that is known."""
    state = _STATES.get(msg.state)
    if state is None:
        return None
    return DroneReport(
        msg.source,
        int(msg.boot),
        msg.hardware,
        state,
        msg.model_name,
        msg.model_version,
        int(msg.running_release),
        msg.running_digest,
        int(msg.wanted_release),
        msg.wanted_digest,
        float(msg.progress),
        msg.message,
        int(msg.installs),
        int(msg.rollbacks),
        int(msg.refusals),
    )


def health_sample_from_msg(msg: Any) -> HealthSample:
    """How a model does on one drone."""
    return HealthSample(
        msg.source,
        int(msg.boot),
        msg.digest,
        int(msg.release),
        int(msg.frames),
        int(msg.failed),
        [int(count) for count in msg.latency.counts],
        [int(count) for count in msg.scores],
        msg.refused_digest,
        msg.message,
    )


def rollout_view_to_msg(
    messages: Mapping[str, type], view: rollout.RolloutView, gateway: str, stamp_ns: int
) -> Any:
    """An edge_infer_msgs/msg/RolloutStatus."""
    return messages["edge_infer_msgs/msg/RolloutStatus"](
        header=header_to_msg(messages, stamp_ns, ""),
        gateway=gateway,
        model_name=view.model,
        model_version=view.version,
        release=view.release,
        state=view.state,
        wave=view.wave,
        waves=view.waves,
        drones=list(view.drones),
        reason=view.reason,
        verdicts=[group.verdict for group in view.groups],
    )


def rollout_view_from_msg(msg: Any) -> RolloutView:
    """What a gateway says of its rollout."""
    return RolloutView(
        msg.model_name,
        msg.model_version,
        int(msg.release),
        msg.state,
        int(msg.wave),
        int(msg.waves),
        tuple(msg.drones),
        msg.reason,
        tuple(msg.verdicts),
    )
