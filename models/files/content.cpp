// Recognizes by its first bytes a file that is not of the expected format, so that a refusal can say what to do about
// it.
#include "models/files/content.h"

#include "models/files/bytes.h"

namespace kantor {

namespace {

constexpr size_t looked_at = 4096;

/// UTF-8 without control characters other than white space; a character may be cut at the end.
bool is_text(std::string_view start) {
  for (size_t cut = 0; cut < 4 && cut < start.size(); ++cut) {
    const std::string_view whole = start.substr(0, start.size() - cut);
    if (!is_utf8(whole)) continue;
    return std::none_of(whole.begin(), whole.end(), [](char c) {
      const auto code = static_cast<unsigned char>(c);
      return code == 127 || (code < 32 && std::string_view("\t\n\v\f\r").find(c) == std::string_view::npos);
    });
  }
  return false;
}

std::string describe_text(std::string_view start, bool expected) {
  if (start.starts_with("version https://git-lfs.github.com/")) {
    return "a git-lfs pointer instead of the file itself: run `git lfs pull`";
  }
  start.remove_prefix(std::min(start.find_first_not_of(" \t\r\n"), start.size()));
  if (start.starts_with("<!DOCTYPE") || start.starts_with("<!doctype") || start.starts_with("<html")) {
    return "an HTML page, such as a failed download leaves: download the file again";
  }
  return expected ? "" : "a text file that begins with " + quote(start);
}

/// Describes the archive by its first member, whose name is at byte 30.
std::string describe_zip(std::string_view start) {
  const std::string_view rest = start.substr(std::min<size_t>(30, start.size()));
  const std::string_view name = rest.substr(0, std::min<size_t>(rest.size(), 64));
  if (name.find(".npy") != std::string_view::npos) {
    return "a ZIP archive of arrays (.npz): take one out with numpy.save(\"x.npy\", numpy.load(FILE)[NAME])";
  }
  if (name.find("data.pkl") != std::string_view::npos) {
    return "a PyTorch checkpoint (torch.save): write its tensors with safetensors.torch.save_file or numpy.save";
  }
  return "a ZIP archive: unpack it";
}

}  // namespace

std::string describe_content(Bytes data, bool expects_text) {
  struct Mark {
    size_t at;
    std::string_view bytes;
    std::string_view text;
  };
  static constexpr Mark marks[] = {
      {0, "\xff\xd8\xff", "a JPEG: convert it to PNG"},
      {0, "GIF8", "a GIF picture: convert it to PNG"},
      {8, "WEBP", "a WebP picture: convert it to PNG"},
      {0, std::string_view("II*\0", 4), "a TIFF picture: convert it to PNG"},
      {0, std::string_view("MM\0*", 4), "a TIFF picture: convert it to PNG"},
      {0, "BM", "a BMP picture: convert it to PNG"},
      {0, "\x89PNG\r\n\x1a\n", "a PNG"},
      {0, "\x89HDF\r\n\x1a\n", "an HDF5 file: write one array with numpy.save(\"x.npy\", h5py.File(FILE)[NAME][:])"},
      {0, "PAR1", "a Parquet table: write its numbers as .csv or .npy"},
      {0, "ARROW1", "an Arrow table: write its numbers as .csv or .npy"},
      {0, "MATLAB 5.0", "a MATLAB file: write one array with numpy.save(\"x.npy\", scipy.io.loadmat(FILE)[NAME])"},
      {0, "SQLite format 3", "an SQLite database: write its numbers as .csv or .npy"},
      {0, "\x93NUMPY", "an NPY array"},
      {0, "\x1f\x8b", "packed with gzip: unpack it with gunzip"},
      {0, "BZh", "packed with bzip2: unpack it with bunzip2"},
      {0, std::string_view("\xfd\x37zXZ\0", 6), "packed with xz: unpack it with unxz"},
      {0, "\x28\xb5\x2f\xfd", "packed with zstd: unpack it with unzstd"},
      {0, "\xff\xfe", "text in UTF-16, as some spreadsheets write it: save it as UTF-8"},
      {0, "\xfe\xff", "text in UTF-16, as some spreadsheets write it: save it as UTF-8"},
      {257, "ustar", "a tar archive: unpack it"},
  };
  const std::string_view start = as_text(data.first(std::min(data.size(), looked_at)));
  if (start.empty()) return expects_text ? "" : "an empty file";
  if (is_text(start)) return describe_text(start, expects_text);  // before the signatures, some of which are letters
  if (start.starts_with("PK\x03\x04")) return describe_zip(start);
  if (start.size() > 1 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5) {  // the pickle protocol
    return "a pickle: write its arrays with numpy.save, or its tensors with safetensors";
  }
  for (const auto& [at, bytes, text] : marks) {
    if (start.size() >= at && start.substr(at).starts_with(bytes)) return std::string(text);
  }
  if (start.size() > 9 && start[8] == '{' && load<uint64_t>(data.data()) < (uint64_t{1} << 32)) {
    return "a safetensors file: write one array with numpy.save(\"x.npy\", safetensors.numpy.load_file(FILE)[NAME])";
  }
  return "";
}

}  // namespace kantor
