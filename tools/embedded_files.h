// Files that the build puts into the program (tools/cmake/Embed.cmake).
#pragma once

#include <string_view>
#include <vector>

namespace kantor::embedded {

struct EmbeddedFile {
  std::string_view path;  // below the folder that was embedded: "words/en.json"
  std::string_view content;
};

}  // namespace kantor::embedded
