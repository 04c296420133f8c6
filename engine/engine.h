// The engine's public face: tensors, ops, autograd, optimizers, captured steps. Installed as <kantor/engine.h>.
//
// Threads: a tensor is a handle, and reading one from several threads is safe; writing into one (assign, copy_from, an
// optimizer) while another thread reads it is not. Ops may run on several threads at once, each with its own grad mode,
// observers and capture; the work of one op is itself spread over the threads that set_threads names. A Step, an
// Optimizer and a network that trains belong to one thread at a time.
#pragma once

#include "engine/apply.h"
#include "engine/arena.h"
#include "engine/autograd.h"
#include "engine/build_info.h"
#include "engine/device.h"
#include "engine/dtype.h"
#include "engine/error.h"
#include "engine/grad_mode.h"
#include "engine/in_place.h"
#include "engine/libraries.h"
#include "engine/memory.h"
#include "engine/observers.h"
#include "engine/op.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/random.h"
#include "engine/shape.h"
#include "engine/step.h"
#include "engine/stopwatch.h"
#include "engine/tensor.h"
#include "engine/threads.h"
#include "engine/weight_statistics.h"
