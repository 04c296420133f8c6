// Rewrites: what turns the calls of a recording into fewer ones that give the same results. Each is one function in a
// file of rewrites/; a new one is a function, its row in rewrite.cpp and its test in tests/rewrite_test.cpp.
#pragma once

#include "engine/recording/recording.h"

namespace kantor {

/// Applies the rewrites that are on (rewrites.h).
void rewrite(Recording& recording);

/// Removes calls whose results nothing reads.
void remove_dead_calls(Recording& recording);
/// Computes what is the same in every replay once, now.
void fold_constants(Recording& recording);
/// Products take the derivative of the layer before into their epilogue.
void fuse_derivatives(Recording& recording);
/// Pointwise ops that follow each other become one pass.
void join_pointwise(Recording& recording);
/// Sums over rows that do not depend on each other are one launch.
void group_sums(Recording& recording);
/// Finds what only copies, so that write_in_place can remove it.
void find_copies(Recording& recording);
/// Lets an op write where its result would be copied to, and removes the copy.
void write_in_place(Recording& recording);
/// Joins calls that do the same to different rows: products with one weight become one product of more rows.
void join_rows(Recording& recording);
/// Sums of two sums over rows become one sum over the rows of both: weight gradients are one longer product.
void join_sums(Recording& recording);

}  // namespace kantor
