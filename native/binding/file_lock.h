// The JavaScript class FileLock: an exclusive lock that the kernel holds on a file for as long as this object lives.
// It goes with the process, however that ends, so a lock is never stale and process numbers do not matter.
#pragma once
#include <napi.h>

namespace pt::binding {

class FileLock : public Napi::ObjectWrap<FileLock> {
 public:
  /// new FileLock(path): opens the file, or makes it, and locks it without waiting. Throws an error with the code
  /// ERR_LOCKED (somebody has it: another process, or another FileLock of this one), ERR_NO_LOCKS (the file system has
  /// none), ERR_NOT_A_FILE, ERR_OPEN_FAILED or ERR_INVALID_ARGUMENT.
  explicit FileLock(const Napi::CallbackInfo& info);
  ~FileLock() override { close_file(); }

  static void define(Napi::Env env, Napi::Object exports);

 private:
  Napi::Value write(const Napi::CallbackInfo& info);    // (text): true, or false when it could not be written
  Napi::Value release(const Napi::CallbackInfo& info);  // Idempotent.

  void close_file();

  int file_ = -1;
};

}  // namespace pt::binding
