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

"""TensorRT and pycuda without a GPU: their names as far as the engine uses them.

Work is put on a stream and done when someone waits for it; memory on the GPU is memory
that only copies reach; ONNX Runtime does the sums. What a real GPU punishes raises here:
another thread, no context, a forgotten address, memory that is gone. Every public name
is compared with the real packages where they are installed.
"""

import enum
import itertools
import threading
import types

import numpy as np
import onnxruntime

DTYPES = {"tensor(uint8)": "UINT8", "tensor(int64)": "INT64", "tensor(float)": "FLOAT"}
NUMPY = {"UINT8": np.uint8, "INT64": np.int64, "FLOAT": np.float32}


class World:
    """What there is beside the code: the GPU, its troubles, and what was done."""

    def __init__(self, version="10.3.0"):
        self.version = version
        self.gpu = "Orin"
        self.memory = {}
        self.addresses = itertools.count(0x1000, 0x100)
        self.free_bytes = 1 << 30
        self.context_users = set()
        self.current = threading.local()
        self.errors = []
        self.builds = []
        self.refused = 0
        self.no_graph = None
        self.fails = None
        self.capture = None
        self.captured = 0
        self.replayed = 0
        self.trt, self.cuda = _tensorrt(self), _cuda(self)

    def need_context(self):
        assert getattr(self.current, "depth", 0) == 1, "no context on this thread"

    def put(self, stream, step):
        self.need_context()
        (stream.queue if self.capture is None else self.capture).append(step)

    def record(self, handle, work):
        """Stands in for cuda_driver.record."""
        self.need_context()
        self.capture = []
        try:
            if self.no_graph:
                raise self.no_graph
            work()
            self.captured += 1
            return _Graph(self, self.capture)
        finally:
            self.capture = None


class _Graph:
    def __init__(self, world, steps):
        self._world, self._steps = world, steps

    def launch(self, handle):
        self._world.need_context()
        self._world.replayed += 1
        _STREAMS[handle].queue.extend(self._steps)

    def close(self):
        self._world.need_context()


_STREAMS = {}


def _cuda(world):  # noqa: C901 - one package in one place
    class Error(Exception):
        pass

    class MemoryError(Error):  # noqa: A001 - its name
        pass

    class Context:
        def push(self):
            world.current.depth = getattr(world.current, "depth", 0) + 1

        def pop(self):
            world.need_context()
            world.current.depth -= 1

        def detach(self):
            world.context_users.remove(threading.get_ident())

    class Device:
        def __init__(self, ordinal):
            assert ordinal == 0

        def name(self):
            return world.gpu

        def compute_capability(self):
            return (8, 7)

        def retain_primary_context(self):
            world.context_users.add(threading.get_ident())
            return Context()

    class Stream:
        def __init__(self):
            world.need_context()
            self.queue = []
            _STREAMS[id(self)] = self

        @property
        def handle(self):
            return id(self)

        def synchronize(self):
            world.need_context()
            steps = self.queue[:]
            self.queue.clear()
            for step in steps:
                step()

    class DeviceAllocation:
        def __init__(self, size):
            world.need_context()
            if size > world.free_bytes:
                raise MemoryError("cuMemAlloc failed: out of memory")
            world.free_bytes -= size
            self._address = next(world.addresses)
            world.memory[self._address] = bytearray(size)

        def __int__(self):
            return self._address

        def __del__(self):
            if hasattr(self, "_address"):
                world.need_context()
                world.free_bytes += len(world.memory.pop(self._address))

    def memcpy_htod_async(dest, src, stream):
        def step(address=int(dest)):
            world.memory[address][: src.nbytes] = src.tobytes()

        world.put(stream, step)

    def memcpy_dtoh_async(dest, src, stream):
        def step(address=int(src)):
            taken = np.frombuffer(world.memory[address], dest.dtype, dest.size)
            dest[...] = taken.reshape(dest.shape)

        world.put(stream, step)

    def pagelocked_empty(shape, dtype):
        world.need_context()
        return np.full(shape, 77, dtype)

    module = types.ModuleType("pycuda.driver")
    module.__dict__.update(
        init=lambda: None, get_driver_version=lambda: 12060, mem_alloc=DeviceAllocation,
        Error=Error, MemoryError=MemoryError, Context=Context, Device=Device, Stream=Stream,
        memcpy_htod_async=memcpy_htod_async, memcpy_dtoh_async=memcpy_dtoh_async,
        pagelocked_empty=pagelocked_empty,
    )  # fmt: skip
    return module


def _tensorrt(world):  # noqa: C901 - as above
    DataType = enum.Enum("DataType", "UINT8 INT64 FLOAT")
    TensorLocation = enum.Enum("TensorLocation", "DEVICE HOST")
    MemoryPoolType = enum.Enum("MemoryPoolType", "WORKSPACE")
    LayerType = enum.Enum("LayerType", "DEQUANTIZE CONVOLUTION")
    NetworkDefinitionCreationFlag = enum.IntEnum(
        "NetworkDefinitionCreationFlag", "STRONGLY_TYPED", start=1
    )
    old = world.version.startswith("10")
    BuilderFlag = enum.Enum("BuilderFlag", "FP16 INT8 TF32" if old else "TF32")

    class ILogger:
        ERROR, INTERNAL_ERROR, INFO = "error", "internal", "info"

        def log(self, severity, msg):
            raise NotImplementedError

    class IProgressMonitor:
        pass

    class ITensor:
        def __init__(self, value):
            self._value = value

        @property
        def name(self):
            return self._value.name

        @property
        def shape(self):
            return tuple(n if isinstance(n, int) else -1 for n in self._value.shape)

    class ILayer:
        type = None

        def __init__(self, kind):
            self.type = kind

    class INetworkDefinition:
        def __init__(self, flags):
            self._flags = flags

        num_inputs = property(lambda self: len(self._session.get_inputs()))
        num_outputs = property(lambda self: len(self._session.get_outputs()))
        num_layers = property(lambda self: 2)

        def get_input(self, index):
            return ITensor(self._session.get_inputs()[index])

        def get_output(self, index):
            return ITensor(self._session.get_outputs()[index])

        def get_layer(self, index):
            quantised = index and b"DequantizeLinear" in self._content
            return ILayer(LayerType.DEQUANTIZE if quantised else LayerType.CONVOLUTION)

    class ParserError:
        def desc(self):
            return "In node 3: no importer for Frobnicate\nand more"

    class OnnxParser:
        def __init__(self, network, logger):
            self._network = network

        @property
        def num_errors(self):
            return 1

        def get_error(self, index):
            return ParserError()

        def parse(self, model):
            try:
                self._network._session = _session(model)
            except Exception:
                return False
            self._network._content = model
            return True

    class IOptimizationProfile:
        def set_shape(self, input, min, opt, max):  # noqa: A002 - its names
            self._shapes = {**getattr(self, "_shapes", {}), input: (min, opt, max)}

    class ITimingCache:
        def __init__(self, content):
            self._content = content

        def serialize(self):
            return self._content + b"+1"

    class IBuilderConfig:
        progress_monitor = None

        def __init__(self):
            self._flags, self._profile, self._pools, self._cache = set(), None, {}, None

        def set_memory_pool_limit(self, pool, limit):
            self._pools[pool.name] = limit

        def set_flag(self, flag):
            self._flags.add(flag.name)

        def add_optimization_profile(self, profile):
            self._profile = profile._shapes

        def create_timing_cache(self, content):
            return ITimingCache(content)

        def set_timing_cache(self, cache, ignore_mismatch):
            self._cache = cache
            return True

    class Builder:
        def __init__(self, logger):
            world.need_context()
            self._logger = logger

        def create_network(self, flags):
            return INetworkDefinition(flags)

        def create_builder_config(self):
            return IBuilderConfig()

        def create_optimization_profile(self):
            return IOptimizationProfile()

        def build_serialized_network(self, network, config):
            world.builds.append((network._flags, config._flags, config._profile, config._cache))
            if world.errors:
                for message in world.errors:
                    self._logger.log(ILogger.INFO, "trying")
                    self._logger.log(ILogger.ERROR, message)
                return None
            monitor = config.progress_monitor
            monitor.phase_start("all", None, 2)
            for step in range(2):
                monitor.phase_start("part", "all", 4)
                if not all(monitor.step_complete("part", inner) for inner in range(4)):
                    return None
                monitor.phase_finish("part")
                monitor.step_complete("all", step)
            monitor.phase_finish("all")
            bound = 1 if config._profile is None else next(iter(config._profile.values()))[2][0]
            return bytes([bound]) + bytes(network._content)

    class Runtime:
        def __init__(self, logger):
            self._logger = logger

        def deserialize_cuda_engine(self, content):
            world.need_context()
            if world.refused:
                world.refused -= 1
                self._logger.log(ILogger.ERROR, "serialised by another build")
                return None
            return ICudaEngine(content, self._logger)

    class ICudaEngine:
        def __init__(self, content, logger):
            self._session, self._bound = _session(content[1:]), content[0]
            # The other way round, for the order is not promised.
            values = [*self._session.get_outputs(), *self._session.get_inputs()]
            self._values = {value.name: value for value in values}
            self._logger = logger

        def get_tensor_location(self, name):
            return TensorLocation.DEVICE

        def get_tensor_shape(self, name):
            return ITensor(self._values[name]).shape

        def get_tensor_dtype(self, name):
            return DataType[DTYPES[self._values[name].type]]

        def create_execution_context(self):
            world.need_context()
            return IExecutionContext(self)

    class IExecutionContext:
        def __init__(self, engine):
            self._engine, self._addresses, self._shapes = engine, {}, {}

        def set_input_shape(self, name, shape):
            fixed = self._engine.get_tensor_shape(name)
            if not all(n == m or (m == -1 and 1 <= n <= self._engine._bound)
                       for n, m in zip(shape, fixed, strict=True)):  # fmt: skip
                self._engine._logger.log(ILogger.ERROR, "outside of the profile")
                return False
            self._shapes[name] = tuple(shape)
            return True

        def get_tensor_shape(self, name):
            if name in self._shapes:
                return self._shapes[name]
            batch = next(iter(self._shapes.values()))[0]
            return tuple(batch if n == -1 else n for n in self._engine.get_tensor_shape(name))

        def set_tensor_address(self, name, memory):
            self._addresses[name] = memory
            return True

        def execute_async_v3(self, stream_handle):
            if world.fails:
                self._engine._logger.log(ILogger.ERROR, world.fails)
                return False
            world.put(_STREAMS[stream_handle], self._execute)
            return True

        def _execute(self):
            session = self._engine._session
            feed = {}
            for value in session.get_inputs():
                kind, shape = NUMPY[DTYPES[value.type]], self._shapes[value.name]
                memory = world.memory[self._addresses[value.name]]
                flat = np.frombuffer(memory, kind, int(np.prod(shape)))
                feed[value.name] = flat.reshape(shape)
            results = session.run(None, feed)
            for value, result in zip(session.get_outputs(), results, strict=True):
                world.memory[self._addresses[value.name]][: result.nbytes] = result.tobytes()

    module = types.ModuleType("tensorrt")
    names = dict(locals())
    module.__version__ = world.version
    module.__dict__.update({n: v for n, v in names.items() if isinstance(v, type)})
    return module


def _session(content):
    return onnxruntime.InferenceSession(bytes(content), providers=["CPUExecutionProvider"])
