// Faults that users met with files, data, names and messages: the program on the inputs that they brought
// (tests/faults), each with the exit code and the words that it should answer with.
#include "models/files/npy.h"
#include "models/files/text.h"
#include "models/nn/network.h"
#include "models/training/checkpoint.h"
#include "models/training/config_toml.h"
#include "models/training/trainer.h"
#include "tests/formats.h"
#include "tests/paths.h"
#include "tests/program.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace kantor;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string brought(const std::string& name) {
  return (source_folder() / "tests/faults" / name).string();
}

/// Runs `kantor data FILE`, checks that it prints `texts`, and returns samples of the file.
std::vector<float> drawn(const std::string& file, const std::vector<std::string>& texts, int count = 64) {
  const ProgramFolder folder;
  const ProgramResult result =
      run_kantor({"data", file, "--out", folder / "out.npy", "--count", std::to_string(count)});
  INFO(result.err);
  REQUIRE(result.code == 0);
  for (const std::string& text : texts) CHECK_THAT(result.out, Contains(text));
  return read_npy(folder / "out.npy").to_vector<float>();
}

float largest(const std::vector<float>& values) {
  return *std::max_element(values.begin(), values.end());
}

/// A run of a few steps with clipping, and its newest checkpoint.
TensorFile trained(const ProgramFolder& folder) {
  REQUIRE(run_kantor(tiny_training(folder / "run", {"--constraint", "clip", "--set", "train.steps=10"})).code == 0);
  return read_safetensors(newest(folder / "run"));
}

/// The tensors of a checkpoint as another program saves them: without metadata, or with these.
std::string saved_again(const TensorFile& file, const std::string& metadata) {
  std::string header = "{" + metadata, values;
  for (const auto& [name, tensor] : file.tensors) {
    const size_t size = static_cast<size_t>(tensor.size()) * size_of(tensor.dtype()), begin = values.size();
    values.append(static_cast<const char*>(tensor.view().data), size);
    const json entry{{"dtype", tensor.dtype() == DType::int64 ? "I64" : "F32"},
                     {"shape", tensor.shape().to_vector()},
                     {"data_offsets", {begin, begin + size}}};
    header += (header.size() > 1 ? "," : "") + json(name).dump() + ":" + entry.dump();
  }
  return safetensors(header + "}", values);
}

}  // namespace

TEST_CASE("faults: pictures of bool, of 0 and 1, and of [N, H, W] bytes come out as pictures, and it is said") {
  const ProgramFolder folder;
  CHECK(largest(drawn(brought("bool16.npy"), {"[1, 16, 16]", "[N, C, H, W] of bool", "False is 0 and True is 1"})) ==
        1);
  CHECK(largest(drawn(brought("nhw_uint8.npy"), {"[1, 28, 28]", "[N, H, W] of uint8", "scaled by 1/255"})) == 1);
  const std::vector<std::string> unscaled{"all of them 0 or 1, so not scaled by 1/255"};
  const std::string zero_one("\0\1\1\0\0\1\1\0", 8);
  CHECK(largest(drawn(folder.file("a.npy", npy("|u1", "2, 1, 2, 2", zero_one)), unscaled)) == 1);
  const std::string words("\0\0\1\0\1\0\0\0", 8);
  CHECK(largest(drawn(folder.file("b.npy", npy("<i2", "1, 1, 2, 2", words)), unscaled)) == 1);
  CHECK(largest(drawn(folder.file("c", idx({2, 2, 2}, zero_one)), unscaled)) == 1);
  const std::string gray(8, '\x33');
  CHECK(largest(drawn(folder.file("d.npy", npy("|u1", "2, 2, 2", gray)), {"scaled by 1/255"})) == 0.2F);
}

TEST_CASE("faults: what an array is read as is said, in data and in training") {
  const ProgramFolder folder;
  drawn(brought("nhwc_uint8.npy"), {"[1, 28, 28]", "pictures of 28 x 28 with 1 channel ([N, H, W, C] of uint8)"});
  drawn(brought("points.csv"), {"points of 2 values"});
  drawn(folder.file("s.npy", npy("<f4", "1, 2, 1", std::string(8, '\0'))),
        {"sequences of 2 steps of 1 values ([N, T, D] of float32)", "pictures would be"});
  drawn(folder.file("p.npy", npy("|u1", "1, 2", "ab")), {"points of 2 values ([N, D] of uint8), as they are"});
  const ProgramResult result = run_kantor({"train", "--data", brought("nhwc_uint8.npy"), "--out", folder / "run",
                                           "--set", "generator.network=mlp", "--set", "critic.network=mlp", "--set",
                                           "train.steps=1", "--set", "train.batch=4", "--set", "eval.samples=16"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err,
             Contains("data: 16 samples of nhwc_uint8.npy, read as pictures of 28 x 28") && Contains("[N, H, W, C]"));
  // A single picture, with and without the axis of the samples; what no reading fits.
  const std::string picture = npy("|u1", "28, 30, 3", std::string(28 * 30 * 3, 'x'));
  check_refused({"data", folder.file("one.npy", picture)}, 3,
                {"[28, 30, 3]", "single picture [H, W, C]", "numpy.stack"});
  check_refused({"data", folder.file("deep.npy", npy("<i2", "1, 1, 1, 1", std::string("\0\1", 2)))}, 3,
                {"[0, 0, 0, 0] is 256", "0..255"});
  const std::string signed_pixels = little_endian(-1.0F) + little_endian(1.0F);
  check_refused({"data", folder.file("signed.npy", npy("<f4", "1, 1, 1, 2", signed_pixels))}, 3,
                {"[0, 0, 0, 0] is -1", "take (x + 1) / 2"});
}

TEST_CASE("faults: a name or path that is no UTF-8 is refused before anything is written") {
  const ProgramFolder folder;
  const std::string path = folder.file("l\xe9.csv", text_of(brought("points.csv")));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--data", path},
                                                {"--set", "name=l\xe9"},
                                                {"--set", "data.kind=file", "--set", "data.path=" + path}}) {
    std::vector<std::string> all = tiny_training(folder / "run", words);
    check_refused(all, 2, {"l\\xe9", "expected UTF-8"});
    all[0] = "compare";
    check_refused(all, 2, {"l\\xe9", "expected UTF-8"});
  }
  CHECK_FALSE(fs::exists(folder / "run"));
  CHECK(run_kantor({"data", path}).code == 0);
}

TEST_CASE("faults: every text that a configuration takes can be read again, and a run's folder may have any name") {
  std::string all;
  for (int c = 1; c < 128; ++c) all += static_cast<char>(c);
  for (const std::string& text : {all, std::string("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")}) {
    RunConfig config, again;
    apply_setting(config, "name=");
    config.name = text;
    validate(config);
    apply_toml(again, to_toml(config), "again");
    CHECK(again.name == text);
  }
  for (const char* text : {"\xe9", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"}) {
    CHECK_FALSE(is_utf8(text));
    RunConfig config;
    config.name = text;
    CHECK_THROWS_AS(validate(config), ConfigError);
  }
  const ProgramFolder folder;
  const std::string run = folder / "l\xe9";
  const std::vector<std::string> data{"--data", folder.file("a\x7f.csv", text_of(brought("points.csv")))};
  REQUIRE(run_kantor(tiny_training(run, data)).code == 0);
  CHECK(run_kantor({"train", "--resume", "--out", run, "--quiet"}).code == 0);
  CHECK(run_kantor({"report", run, "--out", folder / "l\xe9.html"}).code == 0);
  CHECK(run_kantor({"inspect", newest(run).string(), "--json"}).code == 0);
}

TEST_CASE("faults: half-transparent black over white is 127") {
  const std::vector<float> values = drawn(brought("alpha"), {"pictures of 16 x 16 with 3 channels (PNG)"}, 1);
  CHECK(std::lround(largest(values) * 255) == 127);
}

TEST_CASE("faults: valid files that were refused are read") {
  drawn(brought("two_members.gz"), {"[1, 28, 28], 20 in the file"}, 1);
  const Tensor old = read_npy(brought("python2_L.npy"));
  CHECK(old.shape() == Shape{64, 2});
  CHECK(old.to_vector<float>()[0] != 0);
  drawn(brought("trailing"), {"1 in the file"}, 1);
  CHECK(drawn(brought("points.csv.gz"), {"points of 2 values"}) ==
        drawn(brought("points.csv"), {"points of 2 values"}));
  const ProgramFolder folder;
  const std::string array = npy("<f4", "2, 1", "abcdefgh");
  CHECK(drawn(folder.file("a.npy.gz", gzip(array)), {"points of 1 values"}) ==
        drawn(folder.file("a.npy", array), {"points of 1 values"}));
  const ProgramResult result = run_kantor({"inspect", brought("dt_I32.safetensors")});
  CHECK(result.code == 0);
  CHECK_THAT(result.out, Contains("2 tensors") && Contains("float32") && Contains("int32") && Contains("[6]"));
}

TEST_CASE("faults: a file of another kind is called what it is") {
  check_refused({"inspect", brought("lfs.safetensors")}, 3, {"lfs.safetensors", "git-lfs pointer", "git lfs pull"});
  check_refused({"inspect", brought("points.csv")}, 3, {"no safetensors file", "a text file that begins with"});
  const ProgramFolder folder;
  const std::string pointer = text_of(brought("lfs.safetensors"));
  check_refused({"data", folder.file("pointer.npy", pointer)}, 3, {"pointer.npy", "git lfs pull"});
  check_refused({"data", folder.file("pointer.csv", pointer)}, 3, {"pointer.csv", "git lfs pull"});
  check_refused({"data", folder.file("table.txt", "1,2\n3,4\n")}, 3, {"a text file", "named .csv or .tsv"});
  check_refused({"data", folder.file("page.csv", "<!DOCTYPE html><html>")}, 3, {"HTML page"});
  const std::string zip("PK\x03\x04" + std::string(26, '\0'));
  const std::vector<std::pair<std::string, std::string>> kinds{
      {zip + "x.npy", ".npz"},
      {zip + "archive/data.pkl", "PyTorch checkpoint"},
      {zip + "a.txt", "ZIP archive"},
      {std::string("\x80\x04\x95\0\0", 5), "a pickle"},
      {std::string("\x89HDF\r\n\x1a\n\0", 9), "HDF5"},
      {std::string("\xff\xd8\xff\xe0\0\x10JFIF\0", 11), "a JPEG"},
      {std::string("PAR1\x15\0", 6), "Parquet"},
      {png(1, 1, 8, 0, 0, std::string(2, '\0')), "single PNG"},
      {text_of(brought("ln_torch.safetensors")), "a safetensors file"},
      {npy("|O", "1,", "abcdefgh"), "pickled Python objects"},
  };
  for (const auto& [content, text] : kinds) {
    check_refused({"data", folder.file("data", content)}, 3, {"data", text});
    if (text != "single PNG") check_refused({"train", "--data", folder / "data", "--out", folder / "run"}, 3, {text});
  }
  check_refused({"data", folder.file("x.csv", kinds[5].first)}, 3, {"a JPEG"});
  check_refused({"sample", folder.file("x.safetensors", kinds[1].first), "--out", folder / "s.npy"}, 3,
                {"PyTorch checkpoint"});
  CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("faults: a network's fault names the file, exit code 2; PyTorch's LayerNorm is found") {
  const ProgramFolder folder;
  const auto words = [&](const std::string& network) {
    return std::vector<std::string>{"gradients",
                                    "--network",
                                    network,
                                    "--weights",
                                    brought("ln_torch.safetensors"),
                                    "--real",
                                    brought("g_real.npy"),
                                    "--fake",
                                    brought("g_fake.npy"),
                                    "--eps",
                                    brought("g_eps.npy"),
                                    "--out",
                                    folder / "g.safetensors"};
  };
  check_refused(words(brought("wrong_key.json")), 2,
                {"wrong_key.json", "layer 0 (linear)", "'ot'", "did you mean out?"});
  check_refused(words(folder.file("a.json", R"([{"type":"linera","in":2,"out":1}])")), 2,
                {"a.json", "did you mean linear?"});
  check_refused(words(folder.file("b.json", R"([{"type":"linear","in":2,"out":1,"biass":0}])")), 2,
                {"b.json", "'biass'"});
  check_refused(words(folder.file("c.json", R"([{"type":"linear","in":3,"out":1}])")), 2, {"c.json", "[2]"});
  check_refused(words(folder.file("d.json", "{")), 2, {"d.json", "no JSON"});
  check_refused(words(folder.file("e.json", std::string(1 << 20, '['))), 2, {"e.json", "nested deeper"});
  check_refused(words(brought("ln_torch.safetensors")), 2, {"ln_torch.safetensors", "a safetensors file"});
  CHECK_FALSE(fs::exists(folder / "g.safetensors"));
  const ProgramResult result = run_kantor(words(brought("ln.json")));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(read_safetensors(folder / "g.safetensors").at("grad.1.weight").shape() == Shape{16});
}

TEST_CASE("faults: a checkpoint that another program saved again is told apart from a damaged one") {
  const ProgramFolder folder;
  const TensorFile file = trained(folder);
  const std::vector<std::string> sample{"sample", folder / "again.safetensors", "--out", folder / "s.npy"};
  (void)folder.file("again.safetensors", saved_again(file, ""));
  check_refused(sample, 3, {"kantor.config", "another program", "use the original"});
  CHECK(run_kantor({"inspect", folder / "again.safetensors"}).code == 0);
  json metadata = file.metadata;
  (void)folder.file("again.safetensors", saved_again(file, "\"__metadata__\":" + metadata.dump()));
  CHECK(run_kantor(sample).code == 0);  // as the message advises
  metadata["kantor.format"] = "1";
  metadata["kantor.digest"] = std::string(64, 'a');
  (void)folder.file("again.safetensors", saved_again(file, "\"__metadata__\":" + metadata.dump()));
  check_refused(sample, 3, {"SHA-256", "written by another program, or changed", "leave kantor.digest"});
}

TEST_CASE("faults: metadata of a checkpoint that are not right name file, key, what is there and what should be") {
  const ProgramFolder folder;
  const TensorFile sound = trained(folder);
  const std::string checkpoint = newest(folder / "run").string();
  const auto with = [&](const std::string& key, const std::string& value) {
    TensorFile file = sound;
    file.metadata[key] = value;
    write_safetensors(checkpoint, file);
  };
  const std::vector<std::string> resume{"train", "--resume", "--out", folder / "run", "--quiet"};
  const std::vector<std::string> sample{"sample", checkpoint, "--out", folder / "s.npy"},
      inspect{"inspect", checkpoint};
  for (const char* value : {"", "ten", "-3", "1e3", "99999999999999999999", "5 "}) {
    with("kantor.step", value);
    check_refused(resume, 3, {checkpoint, "kantor.step", std::string("\"") + value + "\"", "a whole number"});
  }
  with("kantor.config", "[train");
  for (const auto& words : {resume, sample, inspect}) check_refused(words, 3, {checkpoint, "kantor.config:1"});
  with("kantor.config", "train.stepz = 3\n");
  for (const auto& words : {resume, sample, inspect}) check_refused(words, 3, {checkpoint, "train.stepz"});
  for (const char* value :
       {"{", "[]", "[[1]]", R"([{"type":"linear","in":2}])", R"([{"type":"linear","in":9,"out":2}])"}) {
    with("kantor.generator", value);
    check_refused(sample, 3, {checkpoint, "kantor.generator"});
    check_refused(resume, 3, {checkpoint, "kantor.generator"});
  }
  with("kantor.generator", R"([{"type":"linear","in":2,"out":2}])");
  check_refused(sample, 3, {checkpoint, "average.0.weight", "[8, 2]", "expected float32 [2, 2]"});
  with("kantor.critic", "[1]");
  for (const auto& words : {resume, inspect}) check_refused(words, 3, {checkpoint, "kantor.critic"});
  for (const char* value : {"2", "[2.5]", "[-1]", "[1,1,1,1,1,1,1,1,1]"}) {
    with("kantor.sample_shape", value);
    check_refused(inspect, 3, {checkpoint, "kantor.sample_shape", value});
  }
  with("kantor.checkpoint", "3");
  for (const auto& words : {resume, sample}) check_refused(words, 3, {checkpoint, "kantor.checkpoint", "newer Kantor"});
  write_safetensors(checkpoint, sound);
  (void)folder.file("run/checkpoints/other.safetensors", "no checkpoint of this run");
  CHECK(run_kantor(resume).code == 0);
}

TEST_CASE("faults: inspect counts the clipped weights at the bound, by the network and not by words in names") {
  const ProgramFolder folder;
  const auto at_bound = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"--constraint", "clip", "--set", "critic.norm=layer", "--set", "train.steps=10"};
    words.insert(words.end(), more.begin(), more.end());
    const std::string run = folder / ("run" + std::to_string(more.size()));
    REQUIRE(run_kantor(tiny_training(run, words)).code == 0);
    std::vector<std::string> names;
    const json all = json::parse(run_kantor({"inspect", newest(run).string(), "--json"}).out);
    for (const json& row : all["tensors"]) {
      if (row.contains("at_bound")) names.push_back(row["name"]);
    }
    return names;
  };
  const auto everything = at_bound({});
  CHECK(everything.size() == 14);  // four linear layers and three norms, each with weight and bias
  for (const std::string& name : everything) {
    CHECK_THAT(name, Catch::Matchers::StartsWith("critic."));
    CHECK(std::isdigit(name[7]) != 0);
  }
  CHECK(at_bound({"--set", "clip.biases=false", "--set", "clip.norm_scales=false"}) ==
        std::vector<std::string>{"critic.0.weight", "critic.3.weight", "critic.6.weight", "critic.9.weight"});
}

TEST_CASE("faults: a checkpoint of version 1 is taken up, its names and layouts turned into PyTorch's") {
  const std::string path = (source_folder() / "tests/checkpoints/format-1.safetensors").string();
  const ProgramFolder folder;
  write_npy(folder / "pictures.npy", zeros({8, 1, 16, 16}));
  const TensorFile old = read_safetensors(path);
  RunConfig config;
  apply_toml(config, old.metadata.at("kantor.config"), path);
  config.data.path = folder / "pictures.npy";
  const auto data = open_dataset(config.data);
  Trainer trainer(config, data);
  trainer.restore(old);
  CHECK(trainer.steps_done() == 2);
  const TensorFile now = trainer.checkpoint();
  REQUIRE(now.tensors.size() == old.tensors.size());
  for (const auto& [name, tensor] : old.tensors) {
    INFO(name);
    const Tensor& kept = now.at(pytorch_name(name));
    const bool moments = name.find(".adam.") != std::string::npos;  // formerly [O, kh, kw, C] and [H, W, C]
    const Layout layout = !moments             ? Layout::plain
                          : tensor.rank() == 4 ? Layout::filter
                          : tensor.rank() == 3 ? Layout::channels_last
                                               : Layout::plain;
    const Tensor expected = to_file_layout(tensor, layout);
    CHECK(kept.shape() == expected.shape());
    CHECK(kept.to_vector<double>() == expected.to_vector<double>());
  }
  CHECK(now.at("generator.2.running_var").shape() == Shape{4});
  CHECK(now.at("critic.adam.m.2.weight").shape() == now.at("critic.2.weight").shape());
  Trainer again(config, data);
  again.restore(now);
  CHECK(encode_safetensors(again.checkpoint()) == encode_safetensors(now));
  CHECK(run_kantor({"sample", path, "--out", folder / "s.npy", "--count", "3"}).code == 0);
  CHECK(run_kantor({"inspect", path}).code == 0);
}

TEST_CASE("faults: a checkpoint and a config.toml with the names of the version before are taken up") {
  const std::string path = (source_folder() / "tests/checkpoints/format-2-average.safetensors").string();
  const TensorFile old = read_safetensors(path);
  RunConfig config;
  apply_toml(config, old.metadata.at("kantor.config"), path);
  CHECK(config.ema_decay == 0.98);
  CHECK(config.critic.initialization == "uniform");
  Trainer trainer(config, open_dataset(config.data));
  trainer.restore(old);
  CHECK(trainer.steps_done() == 3);
  const TensorFile now = trainer.checkpoint();
  REQUIRE(now.tensors.size() == old.tensors.size());
  for (const auto& [name, tensor] : old.tensors) {
    INFO(name);
    CHECK(now.at(name).to_vector<double>() == tensor.to_vector<double>());
  }
  CHECK_THAT(now.metadata.at("kantor.config"), Contains("ema_decay") && !Contains("average"));
  trainer.step();

  // The run's folder as the version before left it: it is resumed, and the warning names the new key.
  const ProgramFolder folder;
  fs::create_directories(folder / "run/checkpoints");
  fs::copy_file(path, folder / "run/checkpoints/step-0000003.safetensors");
  std::string text = to_toml(config);
  text.replace(text.find("ema_decay"), 9, "average");
  write_file_atomically(folder / "run/config.toml", text);
  const auto resumed = run_kantor({"train", "--resume", "--out", folder / "run", "--set", "train.steps=5"});
  INFO(resumed.err);
  CHECK(resumed.code == 0);
  const auto asked = run_kantor({"train", "--set", "generator.average=0.5", "--print-config"});
  CHECK(asked.code == 0);
  CHECK_THAT(asked.err, Contains("generator.average is called generator.ema_decay now"));
  CHECK_THAT(asked.out, Contains("ema_decay = 0.5"));
}
