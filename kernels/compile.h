// KANTOR_FUNCTION: marks a function that kernels, the simulator and the engine's CPU code compile alike.
#pragma once

#ifdef __CUDACC__
#define KANTOR_FUNCTION __host__ __device__
#else
#define KANTOR_FUNCTION
#endif
