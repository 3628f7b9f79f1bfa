#include "simt/report.h"

#include <cstdarg>
#include <cstdio>

#include "simt/block.h"

namespace simt {

static thread_local std::string t_last_report;

const char* last_report() { return t_last_report.c_str(); }
void set_last_report(const std::string& text) { t_last_report = text; }

static std::string format_text(const char* format, va_list values) {
  char text[1024];
  std::vsnprintf(text, sizeof text, format, values);
  return text;
}

[[noreturn]] static void end_launch(const std::string& where, const char* kind, const std::string& details) {
  const Thread& t = block->current();
  const uint3 b = t.Place::block;
  char who[128];
  std::snprintf(who, sizeof who, " [thread %d of block (%u, %u, %u) of ", t.id, b.x, b.y, b.z);
  set_last_report(std::string(kind) + " at " + where + ": " + details + who + block->launch().name() + "]");
  block->abandon();
}

void report(const char* kind, const char* format, ...) {
  va_list values;
  va_start(values, format);
  const std::string details = format_text(format, values);
  va_end(values);
  end_launch(current_location(), kind, details);
}

void report_at(const std::string& where, const char* kind, const char* format, ...) {
  va_list values;
  va_start(values, format);
  const std::string details = format_text(format, values);
  va_end(values);
  end_launch(where, kind, details);
}

void report_of_host(const char* format, ...) {
  va_list values;
  va_start(values, format);
  set_last_report(format_text(format, values));
  va_end(values);
}

void report_misaligned(const void* address, size_t bytes) {
  if (block == nullptr) std::abort();
  report("misaligned", "an access of %zu bytes at %p", bytes, address);
}

}  // namespace simt
