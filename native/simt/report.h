// What the emulator found wrong with a kernel. The first problem ends the launch.
#pragma once
#include <cstdint>
#include <string>

namespace simt {

/// Ends the running launch with a text: the kind of problem, where in the source, the details, which thread and block.
[[noreturn]] __attribute__((format(printf, 2, 3))) void report(const char* kind, const char* format, ...);

/// The same for a problem that was made elsewhere than where the running thread is.
[[noreturn]] __attribute__((format(printf, 3, 4))) void report_at(const std::string& where, const char* kind,
                                                                  const char* format, ...);

/// The same for what is wrong with a call of the host; the call then returns its error.
__attribute__((format(printf, 1, 2))) void report_of_host(const char* format, ...);

/// Of this OS thread: the last problem that a launch or another call met with; "" when there was none.
const char* last_report();
void set_last_report(const std::string& text);

/// Of the kernel code that is running: what report() calls "where".
std::string current_location();

/// "rms_norm.cu:74", with the lines it was inlined into; the symbol where the object has no line table.
std::string source_location(const void* return_address);
/// The same for an address of which only the low half is known, and that it is not far from another.
std::string source_location_near(const void* return_address, uint32_t low_half);

}  // namespace simt
