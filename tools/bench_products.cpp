// kantor bench products: products by plan.
#ifdef KANTOR_HAS_BENCH
#include "bench/product_shapes.h"
#include "bench/products.h"
#include "engine/error.h"
#include "tools/bench.h"
#include "tools/device_choice.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>

namespace kantor {
namespace {

struct ProductsArguments {
  std::string device = "auto";
  std::vector<std::string> shapes, arithmetics{"float32", "three_tf32", "tf32", "bf16"};
  bool quick = false, best = false;
  double seconds = 300;
};

/// Lines on standard output as they come, the table on standard error.
int run(const ProductsArguments& arguments) {
  ProductsOptions options;
  options.device = choose_device(arguments.device, true);
  options.shapes = arguments.shapes.empty() ? usual_products(arguments.quick) : arguments.shapes;
  for (const auto& [name, arithmetic] : arithmetic_names()) {
    if (std::count(arguments.arithmetics.begin(), arguments.arithmetics.end(), name) > 0) {
      options.arithmetics.push_back(arithmetic);
    }
  }
  options.best = arguments.best;
  options.seconds = arguments.seconds;
  options.on_line = [](const nlohmann::json& line) { std::cout << line.dump() << std::endl; };
  fmt::print(stderr, "{}", products_table(bench_products(options)));
  return exit_ok;
}

/// Empty for what parse_product takes; else what is wrong, as CLI11 asks.
std::string known_product(const std::string& text) {
  try {
    (void)parse_product(text);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

void add_bench_products(CLI::App& bench, int& exit_code) {
  auto* products = bench.add_subcommand(
      "products", "matrix products and convolutions by plan: a line of JSON each, and a table on standard error");
  const auto arguments = std::make_shared<ProductsArguments>();
  products
      ->add_option("shapes", arguments->shapes,
                   "gemm:MxNxK, or conv:BATCHxHEIGHTxWIDTHxCHANNELS:FILTERS:KERNEL:STRIDE:PADDING for the three passes "
                   "of a convolution (default: those of DCGANs and MLPs, and large ones)")
      ->type_name("SHAPE")
      ->check(known_product);
  products->add_option("--device", arguments->device, "auto, sim, cuda, cuda:N")
      ->type_name("NAME")
      ->capture_default_str();
  products
      ->add_option("--arithmetic", arguments->arithmetics,
                   "float32, three_tf32, tf32 or bf16; may be given several times")
      ->type_name("NAME")
      ->check(CLI::IsMember({"float32", "three_tf32", "tf32", "bf16"}))
      ->capture_default_str();
  products->add_flag("--quick", arguments->quick, "tiny shapes by default, for the simulator");
  products->add_flag("--best", arguments->best, "time only the plans that the engine chooses");
  products
      ->add_option("--seconds", arguments->seconds,
                   "for all plans; those that the engine expects to be slow are left out first")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  products->footer("Example: kantor bench products --device cuda > products.jsonl");
  products->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace kantor
#endif
