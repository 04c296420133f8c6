// Pages: what the program's HTML pages share. A page is a template with marks and data; it opens from disk with no
// network.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace kantor {

namespace embedded {
extern const std::string_view chart_js, figures_js, report_html, report_css, report_js, study_html, study_css,
    bench_html, bench_css, bench_js;
}

/// Replaces the first `mark` by `content`. Throws Error if the template has none.
void replace_mark(std::string& page, std::string_view mark, std::string_view content);

/// JSON that is safe inside a <script>: no text in it can end the element or open a comment.
std::string script_safe(const nlohmann::json& data);

std::string base64(std::span<const std::byte> data);

/// A PNG file as the source of an <img>.
std::string picture_source(const std::filesystem::path& png);

std::string read_text(const std::filesystem::path& path);

}  // namespace kantor
