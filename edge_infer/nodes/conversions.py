"""Domain values to messages and back; the only place where the two meet.

Functions named ``*_to_msg`` take the node's message classes and build one;
``*_from_msg`` check what came in and raise a FrameError or PoseError that says
what the sender should put right. Nothing else is decided here.
"""

from __future__ import annotations

import array
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import (
    CHANNELS,
    VOTE_ONE,
    CameraFrame,
    CameraModel,
    Detections,
    Pose,
    Sighting,
    SightingId,
    Target,
)
from edge_infer.errors import FleetError, FrameError, PoseError
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.members.membership import Beat, Incarnation, MemberState, Note
from edge_infer.fleet.ranges import Log, LogRange, Span, add_number, to_ranges
from edge_infer.metrics import FIRST_MS, GROWTH, Histogram
from edge_infer.nodes.model_figures import Figures
from edge_infer.perception.encodings import (
    EACH_FRAMES_OWN,
    Radiometric,
    frame_from_bytes,
    frame_from_compressed,
)

Messages = Mapping[str, type]
_NS = 1_000_000_000
_MOST_MEMBERS = 1_000_000
"""More sightings than that are no target of a fleet, but a claim that fills the memory."""
_IDENTITY = re.compile(r"(.*)/(\d{1,20})/(\d{1,20})", re.ASCII | re.DOTALL)
"""source/boot/sequence, with no more digits than a field of 64 bits has."""
_LONGEST_ID = 200
"""Characters of an id that an error shows."""


# --- time ------------------------------------------------------------------------


def stamp_to_msg(messages: Messages, stamp_ns: int) -> Any:
    """A builtin_interfaces/msg/Time."""
    return messages["builtin_interfaces/msg/Time"](sec=stamp_ns // _NS, nanosec=stamp_ns % _NS)


def stamp_from_msg(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/msg/Time."""
    return int(stamp.sec) * _NS + int(stamp.nanosec)


def header_to_msg(messages: Messages, stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/msg/Header."""
    return messages["std_msgs/msg/Header"](
        stamp=stamp_to_msg(messages, stamp_ns), frame_id=frame_id
    )


# --- images ------------------------------------------------------------------------


def frame_to_msg(messages: Messages, frame: CameraFrame) -> Any:
    """A sensor_msgs/msg/Image with its own copy of the pixels."""
    return messages["sensor_msgs/msg/Image"](
        header=header_to_msg(messages, frame.stamp_ns, frame.frame_id),
        height=frame.height,
        width=frame.width,
        encoding=frame.encoding,
        is_bigendian=0,
        step=frame.width * CHANNELS[frame.encoding],
        data=array.array("B", np.ascontiguousarray(frame.image).tobytes()),
    )


def frame_from_msg(msg: Any, radiometric: Radiometric = EACH_FRAMES_OWN) -> CameraFrame:
    """The frame of a sensor_msgs/msg/Image, a view of its pixels where they need no change."""
    return frame_from_bytes(
        msg.data, msg.encoding, msg.width, msg.height, msg.step, bool(msg.is_bigendian),
        stamp_from_msg(msg.header.stamp), msg.header.frame_id, radiometric,
    )  # fmt: skip


def frame_from_compressed_msg(msg: Any, radiometric: Radiometric = EACH_FRAMES_OWN) -> CameraFrame:
    """The frame of a sensor_msgs/msg/CompressedImage."""
    stamp_ns = stamp_from_msg(msg.header.stamp)
    return frame_from_compressed(msg.data, msg.format, stamp_ns, msg.header.frame_id, radiometric)


def camera_to_msg(messages: Messages, camera: CameraModel, stamp_ns: int, frame_id: str) -> Any:
    """A sensor_msgs/msg/CameraInfo."""
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return messages["sensor_msgs/msg/CameraInfo"](
        header=header_to_msg(messages, stamp_ns, frame_id),
        height=camera.height,
        width=camera.width,
        distortion_model="plumb_bob",
        d=[float(value) for value in camera.distortion],
        k=np.array(k),
        r=np.eye(3).ravel(),
        p=np.array(p),
    )


def camera_from_msg(msg: Any) -> CameraModel:
    """The pinhole camera of a sensor_msgs/msg/CameraInfo; raises FrameError."""
    k = [float(value) for value in msg.k]
    distortion = tuple(float(value) for value in msg.d)
    if not all(map(math.isfinite, (*k, *distortion))) or k[0] <= 0 or k[4] <= 0:
        raise FrameError("camera_info has no usable focal length", "calibrate the camera")
    if len(distortion) > 5 or msg.distortion_model not in ("", "plumb_bob"):
        raise FrameError(
            f"distortion model {msg.distortion_model!r} is not known",
            "send plumb_bob, or rectify the image",
        )
    return CameraModel(msg.width, msg.height, k[0], k[4], k[2], k[5], distortion)


# --- poses ----------------------------------------------------------------------------


def pose_to_msg(messages: Messages, pose: Pose, frame_id: str) -> Any:
    """A geometry_msgs/msg/PoseWithCovarianceStamped."""
    msg = messages["geometry_msgs/msg/PoseWithCovarianceStamped"]()
    msg.header = header_to_msg(messages, pose.stamp_ns, frame_id)
    _fill_pose(msg.pose.pose, pose)
    diagonal = (*pose.position_variance_m2, *pose.attitude_variance_rad2)
    msg.pose.covariance = np.diag(np.array(diagonal)).ravel()
    return msg


def true_pose_to_msg(messages: Messages, pose: Pose, frame_id: str) -> Any:
    """A geometry_msgs/msg/PoseStamped, for ground truth."""
    msg = messages["geometry_msgs/msg/PoseStamped"]()
    msg.header = header_to_msg(messages, pose.stamp_ns, frame_id)
    _fill_pose(msg.pose, pose)
    return msg


def pose_from_msg(msg: Any) -> Pose:
    """The pose of a PoseStamped, a PoseWithCovarianceStamped or an Odometry; raises PoseError.

    A covariance is there or not by the message's type; a negative or NaN
    variance counts as unknown, zero.
    """
    inner = msg.pose
    covariance = np.zeros((6, 6))
    if hasattr(inner, "covariance"):
        covariance = np.asarray(inner.covariance, np.float64).reshape(6, 6)
        inner = inner.pose
    p, q = inner.position, inner.orientation
    position, orientation = (p.x, p.y, p.z), (q.x, q.y, q.z, q.w)
    if not all(map(math.isfinite, (*position, *orientation))):
        raise PoseError(f"the pose {position}, {orientation} is not finite", "check its source")
    diagonal = covariance.diagonal()
    variance = [float(v) if v > 0 and math.isfinite(v) else 0.0 for v in diagonal]
    return Pose(
        stamp_from_msg(msg.header.stamp),
        position,
        orientation,
        (variance[0], variance[1], variance[2]),
        (variance[3], variance[4], variance[5]),
    )


def _fill_pose(msg: Any, pose: Pose) -> None:
    msg.position.x, msg.position.y, msg.position.z = map(float, pose.position_m)
    q = msg.orientation
    q.x, q.y, q.z, q.w = map(float, pose.orientation_xyzw)


# --- detections --------------------------------------------------------------------------


def detections_to_msg(
    messages: Messages, header: Any, detections: Detections, labels: Sequence[str]
) -> Any:
    """A vision_msgs/msg/Detection2DArray with the image's own header."""
    detection, hypothesis = (
        messages["vision_msgs/msg/Detection2D"],
        messages["vision_msgs/msg/ObjectHypothesisWithPose"],
    )
    array_msg = messages["vision_msgs/msg/Detection2DArray"](header=header)
    centres = (detections.xyxy[:, :2] + detections.xyxy[:, 2:]) / 2
    sizes = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    for i in range(len(detections)):
        result = hypothesis()
        result.hypothesis.class_id = labels[detections.class_id[i]]
        result.hypothesis.score = float(detections.confidence[i])
        item = detection(header=header, results=[result])
        item.bbox.center.position.x = float(centres[i, 0])
        item.bbox.center.position.y = float(centres[i, 1])
        item.bbox.size_x = float(sizes[i, 0])
        item.bbox.size_y = float(sizes[i, 1])
        array_msg.detections.append(item)
    return array_msg


def boxes_from_msg(msg: Any) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    """What a vision_msgs/msg/Detection2DArray says, from whatever detector it came.

    Returns:
        Class names (n), scores (n,) float32, boxes (n, 4) xyxy float32 in source pixels.
        A detection without a result, or with a number that is not finite, is left out.
    """
    names: list[str] = []
    scores: list[float] = []
    boxes: list[tuple[float, float, float, float]] = []
    for item in msg.detections:
        if not item.results:
            continue
        best = max(item.results, key=lambda result: result.hypothesis.score).hypothesis
        centre = item.bbox.center.position
        half_x, half_y = item.bbox.size_x / 2, item.bbox.size_y / 2
        if all(map(math.isfinite, (best.score, centre.x, centre.y, half_x, half_y))):
            names.append(best.class_id)
            scores.append(min(max(best.score, 0.0), 1.0))
            boxes.append(
                (centre.x - half_x, centre.y - half_y, centre.x + half_x, centre.y + half_y)
            )
    return names, np.array(scores, np.float32), np.array(boxes, np.float32).reshape(-1, 4)


# --- sightings and targets ----------------------------------------------------------------


def sightings_to_msgs(
    messages: Messages, sightings: Iterable[Sighting], map_frame: str, camera_frame: str
) -> list[Any]:
    """One edge_infer_msgs/msg/SightingArray per camera frame that the sightings come from."""
    by_frame: dict[tuple[str, int, int], list[Sighting]] = {}
    for sighting in sightings:
        key = (sighting.id.source, sighting.id.boot, sighting.frame)
        by_frame.setdefault(key, []).append(sighting)
    return [
        _sighting_array(messages, group, map_frame, camera_frame) for group in by_frame.values()
    ]


def _sighting_array(
    messages: Messages, group: Sequence[Sighting], map_frame: str, camera_frame: str
) -> Any:
    first = group[0]
    class_names = sorted({sighting.class_name for sighting in group})
    msg = messages["edge_infer_msgs/msg/SightingArray"](
        header=header_to_msg(messages, first.stamp_ns, map_frame),
        source=first.id.source,
        boot=first.id.boot,
        frame=first.frame,
        camera_frame_id=camera_frame,
        model_version=first.model_version,
        class_names=class_names,
    )
    for sighting in group:
        item = messages["edge_infer_msgs/msg/Sighting"](
            sequence=sighting.id.sequence,
            class_index=class_names.index(sighting.class_name),
            score=sighting.score,
            covariance=np.array(sighting.covariance_m2, np.float32),
        )
        _fill_point(item.position, sighting.x_mm, sighting.y_mm, sighting.z_mm)
        msg.sightings.append(item)
    return msg


def sightings_from_msg(msg: Any) -> list[Sighting]:
    """The sightings of an edge_infer_msgs/msg/SightingArray; raises FleetError."""
    stamp_ns = stamp_from_msg(msg.header.stamp)
    return [_sighting(msg, item, stamp_ns) for item in msg.sightings]


def _sighting(msg: Any, item: Any, stamp_ns: int) -> Sighting:
    position_mm = _millimetres(item.position)
    covariance = tuple(float(value) for value in item.covariance)
    if not all(map(math.isfinite, (*position_mm, *covariance))):
        raise FleetError(
            f"a sighting of {msg.source} is not finite", "update edge_infer on that drone"
        )
    if not 0.0 <= item.score <= 1.0:
        raise FleetError(
            f"a sighting of {msg.source} has a score of {item.score}, not 0 to 1",
            "update edge_infer on that drone",
        )
    if item.class_index >= len(msg.class_names):
        raise FleetError(
            f"a sighting of {msg.source} names class {item.class_index} of {len(msg.class_names)}",
            "update edge_infer on that drone",
        )
    return Sighting(
        id=SightingId(msg.source, int(msg.boot), int(item.sequence)),
        stamp_ns=stamp_ns,
        frame=int(msg.frame),
        class_name=msg.class_names[item.class_index],
        score=float(np.float32(item.score)),
        x_mm=round(position_mm[0]),
        y_mm=round(position_mm[1]),
        z_mm=round(position_mm[2]),
        covariance_m2=(covariance[0], covariance[1], covariance[2]),
        model_version=msg.model_version,
    )


def target_to_msg(messages: Messages, target: Target, in_full: bool = True) -> Any:
    """An edge_infer_msgs/msg/Target; in full it names its sightings."""
    vote = messages["edge_infer_msgs/msg/Vote"]
    msg = messages["edge_infer_msgs/msg/Target"](
        id=str(target.id),
        class_name=target.class_name,
        score=target.score,
        covariance=np.array(target.covariance_m2, np.float32),
        first_seen=stamp_to_msg(messages, target.first_seen_ns),
        last_seen=stamp_to_msg(messages, target.last_seen_ns),
        sources=list(target.sources),
        sightings=target.sightings,
        votes=[vote(class_name=name, votes=votes / VOTE_ONE) for name, votes in target.votes],
        members=ranges_to_msgs(messages, _ranges(target.members)) if in_full else [],
    )
    _fill_point(msg.position, target.x_mm, target.y_mm, target.z_mm)
    return msg


def target_from_msg(msg: Any) -> Target:
    """The target of an edge_infer_msgs/msg/Target that was told in full.

    Raises:
        FleetError: a number is not finite, a vote is negative, its sightings are none
            or not as many as it says, or its id is none.
    """
    position_mm = _millimetres(msg.position)
    covariance = tuple(float(value) for value in msg.covariance)
    votes = [vote.votes * VOTE_ONE for vote in msg.votes]
    numbers = (*position_mm, *covariance, msg.score, *votes)
    if not all(map(math.isfinite, numbers)) or any(vote < 0 for vote in votes):
        raise _malformed(msg, "a number that is not finite, or a negative vote")
    return Target(
        id=_identity_of(msg),
        class_name=msg.class_name,
        score=float(np.float32(msg.score)),
        x_mm=round(position_mm[0]),
        y_mm=round(position_mm[1]),
        z_mm=round(position_mm[2]),
        covariance_m2=(covariance[0], covariance[1], covariance[2]),
        first_seen_ns=stamp_from_msg(msg.first_seen),
        last_seen_ns=stamp_from_msg(msg.last_seen),
        sources=tuple(msg.sources),
        votes=tuple(
            (vote.class_name, round(count)) for vote, count in zip(msg.votes, votes, strict=True)
        ),
        members=_members(msg),
    )


def _identity_of(msg: Any) -> SightingId:
    found = _IDENTITY.fullmatch(msg.id)
    if not found:
        raise _malformed(msg, "an id that is not source/boot/sequence")
    source, boot, sequence = found.groups()
    return SightingId(source, int(boot), int(sequence))


def _members(msg: Any) -> tuple[SightingId, ...]:
    """Not expanded before it is sure that they are no more than the target says."""
    ranges = [LogRange(r.source, int(r.boot), int(r.first), int(r.last)) for r in msg.members]
    is_sound = all(r.first <= r.last for r in ranges) and all(
        (a.source, a.boot, a.last) < (b.source, b.boot, b.first) for a, b in pairwise(ranges)
    )
    count = sum(r.last - r.first + 1 for r in ranges)
    if not is_sound or count != msg.sightings or not 0 < count <= _MOST_MEMBERS:
        raise _malformed(msg, f"{msg.sightings} sightings and ranges of {count}")
    return tuple(
        SightingId(r.source, r.boot, sequence)
        for r in ranges
        for sequence in range(r.first, r.last + 1)
    )


def _malformed(msg: Any, what: str) -> FleetError:
    return FleetError(
        f"target {msg.id[:_LONGEST_ID]!r} has {what}",
        "update edge_infer on the drone that published it",
    )


def _ranges(members: Iterable[SightingId]) -> list[LogRange]:
    spans: defaultdict[Log, list[Span]] = defaultdict(list)
    for source, boot, sequence in members:
        add_number(spans[source, boot], sequence)
    return to_ranges(spans)


def ranges_to_msgs(messages: Messages, ranges: Iterable[LogRange]) -> list[Any]:
    """One edge_infer_msgs/msg/LogRange each."""
    log_range = messages["edge_infer_msgs/msg/LogRange"]
    return [log_range(source=r.source, boot=r.boot, first=r.first, last=r.last) for r in ranges]


def ranges_from_msg(msg: Any) -> list[LogRange]:
    """The ranges of a Digest or a SightingRequest."""
    return [LogRange(r.source, int(r.boot), int(r.first), int(r.last)) for r in msg.ranges]


def floors_to_msgs(messages: Messages, floors: Iterable[Floor]) -> list[Any]:
    """One edge_infer_msgs/msg/Floor each."""
    floor = messages["edge_infer_msgs/msg/Floor"]
    return [floor(source=f.source, boot=f.boot, below=f.below) for f in floors]


def floors_from_msg(msg: Any) -> list[Floor]:
    """The floors of a Digest."""
    return [Floor(f.source, int(f.boot), int(f.below)) for f in msg.floors]


def _millimetres(point: Any) -> tuple[float, float, float]:
    """Not rounded yet: a finite number of metres may be none of millimetres."""
    return point.x * 1000, point.y * 1000, point.z * 1000


def _fill_point(point: Any, x_mm: int, y_mm: int, z_mm: int) -> None:
    point.x, point.y, point.z = x_mm / 1000, y_mm / 1000, z_mm / 1000


# --- members -------------------------------------------------------------------------------

_NOTE_STATES = {MemberState.ALIVE: 0, MemberState.SUSPECT: 1, MemberState.LEFT: 3}
_STATE_OF_CODE = {code: state for state, code in _NOTE_STATES.items()}


def beat_into_msg(messages: Messages, beat: Beat, msg: Any) -> None:
    """Fill who, which life and what of others into an edge_infer_msgs/msg/Heartbeat."""
    msg.source = beat.source
    msg.incarnation, msg.refutation = beat.incarnation
    msg.session = beat.session
    msg.uptime, msg.period = beat.uptime_s, beat.period_s
    msg.leaving = beat.leaving
    note = messages["edge_infer_msgs/msg/MemberNote"]
    msg.notes = [
        note(source=n.source, incarnation=n.incarnation.boot,
             refutation=n.incarnation.refutation, state=_NOTE_STATES[n.state])
        for n in beat.notes
    ]  # fmt: skip


def beat_from_msg(msg: Any) -> Beat:
    """The same of an edge_infer_msgs/msg/Heartbeat; words of states not known are left out.

    Raises:
        FleetError: it has no sender, or its times are not finite and positive.
    """
    uptime_s, period_s = float(msg.uptime), float(msg.period)
    if not (msg.source and math.isfinite(uptime_s) and 0 <= period_s < math.inf):
        raise FleetError(
            f"a heartbeat of {msg.source!r} has no sender or no period",
            "update edge_infer on that drone",
        )
    return Beat(
        source=msg.source,
        incarnation=Incarnation(int(msg.incarnation), int(msg.refutation)),
        session=int(msg.session),
        uptime_s=uptime_s,
        period_s=period_s,
        clock_s=stamp_from_msg(msg.header.stamp) / _NS,
        leaving=bool(msg.leaving),
        notes=tuple(_note(n) for n in msg.notes if int(n.state) in _STATE_OF_CODE),
    )


def _note(msg: Any) -> Note:
    incarnation = Incarnation(int(msg.incarnation), int(msg.refutation))
    return Note(msg.source, incarnation, _STATE_OF_CODE[int(msg.state)])


# --- status --------------------------------------------------------------------------------


def histogram_to_msg(messages: Messages, name: str, histogram: Histogram) -> Any:
    """An edge_infer_msgs/msg/Histogram."""
    return messages["edge_infer_msgs/msg/Histogram"](
        name=name, first_ms=FIRST_MS, growth=GROWTH, counts=array.array("I", histogram.trimmed())
    )


def histogram_from_msg(msg: Any) -> Histogram:
    """The histogram of an edge_infer_msgs/msg/Histogram."""
    histogram = Histogram()
    histogram.merge([int(count) for count in msg.counts])
    return histogram


def model_health_to_msg(messages: Messages, figures: Figures) -> Any:
    """An edge_infer_msgs/msg/ModelHealth; whose figures they are is for the sender to say."""
    return messages["edge_infer_msgs/msg/ModelHealth"](
        frames=figures.frames,
        failed=figures.failed,
        latency=histogram_to_msg(messages, "frame", figures.latency),
        scores=array.array("Q", figures.scores.tolist()),
    )
