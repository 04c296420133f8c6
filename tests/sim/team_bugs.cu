#include "kernels/backend.h"
#include "kernels/mlp_training/team.h"
#include "tests/sim/team_bugs.h"

namespace kantor::sim::bugs {
namespace {

/// z[i] = y of the next block, then y[i] = z of the next block + 1.
template <TeamBug bug>
__global__ void team_kernel(float* y, float* z, unsigned* arrivals, unsigned* failed) {
  int* scratch = dynamic_shared<int>();
  Team team(int(blockIdx.x), int(gridDim.x), arrivals, failed, scratch);
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  const int next = int((blockIdx.x + 1) % gridDim.x * blockDim.x + threadIdx.x);
  z[i] = __ldcg(y + next);
  if (bug != TeamBug::no_barrier && !team.barrier()) return;
  if (bug == TeamBug::one_stays_away && team.rank == team.size - 1) return;
  y[i] = __ldcg(z + next) + 1;
  if (!team.barrier()) return;
}

/// Not a template: g++ puts no shared array of one where AddressSanitizer's build looks.
__global__ void static_team_kernel(float* y, unsigned* arrivals, unsigned* failed) {
  __shared__ float values[64];
  Team team(int(blockIdx.x), int(gridDim.x), arrivals, failed, dynamic_shared<int>());
  values[threadIdx.x] = 1.0F;
  if (!team.barrier()) return;
  y[blockIdx.x * blockDim.x + threadIdx.x] = values[threadIdx.x];
}

}  // namespace

void team(TeamBug bug, float* y, float* z, unsigned* arrivals, unsigned* failed, int blocks, unsigned cluster,
          Stream stream) {
  const LaunchShape shape{unsigned(blocks), 64, 16, stream, bug != TeamBug::not_cooperative, cluster};
  switch (bug) {
    case TeamBug::nothing:
    case TeamBug::not_cooperative:
      return launch<team_kernel<TeamBug::nothing>>(shape, y, z, arrivals, failed);
    case TeamBug::no_barrier:
      return launch<team_kernel<TeamBug::no_barrier>>(shape, y, z, arrivals, failed);
    case TeamBug::one_stays_away:
      return launch<team_kernel<TeamBug::one_stays_away>>(shape, y, z, arrivals, failed);
    case TeamBug::static_shared:
      return launch<static_team_kernel>(shape, y, arrivals, failed);
  }
}

}  // namespace kantor::sim::bugs
