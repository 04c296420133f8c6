// The suites, for bench/suite.cpp: what each times, and what it adds to its rows when all are timed.
#pragma once

#include "bench/harness.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace kantor {

std::vector<Subject> clip_vs_penalty_subjects(const BenchOptions& options);
void add_prices(nlohmann::json& rows);
std::vector<Subject> kernel_subjects(const BenchOptions& options);
std::vector<Subject> conv_subjects(const BenchOptions& options);
std::vector<Subject> scaling_subjects(const BenchOptions& options);
void add_speedups(nlohmann::json& rows);

/// Subjects that several suites have.
Subject interpolation_subject(int64_t rows, int64_t width, Device device);
Subject penalty_subject(int64_t rows, int64_t width, Device device);
Subject matmul_subject(int64_t m, int64_t n, int64_t k, Device device);

}  // namespace kantor
