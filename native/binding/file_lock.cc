#include "binding/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "binding/convert.h"

namespace pt::binding {

[[noreturn]] static void fail(Napi::Env env, const char* code, const std::string& text) {
  Napi::Error error = Napi::Error::New(env, text);
  error.Set("code", Napi::String::New(env, code));
  throw error;
}

[[noreturn]] static void fail_with_errno(Napi::Env env, const char* code, const std::string& text, int number) {
  fail(env, code, text + ": " + std::strerror(number));
}

/// 0, or an errno. A lock of the open file description (F_OFD_SETLK) belongs to the descriptor as flock's does, so two
/// in one process exclude each other and closing another descriptor of the file drops nothing. Unlike flock it is a
/// byte-range lock, which network and cluster file systems carry to the other hosts. flock stands in where a kernel or
/// file system does not know it; all processes of a host come to the same choice.
static int lock_exclusively(int file) {
#ifdef F_OFD_SETLK
  struct flock whole = {};  // from the start to the end, however long the file gets; l_pid must be 0
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(file, F_OFD_SETLK, &whole) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return errno;
#endif
  return flock(file, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

/// Whether the path still leads to the file that was opened: somebody may have removed it in between.
static bool still_there(int file, const std::string& path) {
  struct stat opened, named;
  return fstat(file, &opened) == 0 && lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

void FileLock::define(Napi::Env env, Napi::Object exports) {
  exports.Set("FileLock", DefineClass(env, "FileLock",
                                      {
                                          InstanceMethod("write", &FileLock::write),
                                          InstanceMethod("release", &FileLock::release),
                                      }));
}

FileLock::FileLock(const Napi::CallbackInfo& info) : Napi::ObjectWrap<FileLock>(info) {
  Napi::Env env = info.Env();
  const std::string path = to_string(info[0], "path");
  if (path.empty() || path.find('\0') != std::string::npos)
    throw_type_error(env, "path", "a path: not empty, without NUL");

  for (int attempt = 0; attempt < 100; attempt++) {
    // Neither through a link, which could make us write to any file, nor waiting for the other end of a pipe.
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (file < 0) {
      if (errno == ELOOP || errno == EISDIR || errno == ENXIO)
        fail_with_errno(env, "ERR_NOT_A_FILE", path + " is no regular file", errno);
      fail_with_errno(env, "ERR_OPEN_FAILED", path + " cannot be opened for writing", errno);
    }
    struct stat stats;
    const bool regular = fstat(file, &stats) == 0 && S_ISREG(stats.st_mode);
    const int problem = regular ? lock_exclusively(file) : 0;
    if (regular && problem == 0 && still_there(file, path)) {
      file_ = file;
      return;
    }
    close(file);
    if (!regular) fail(env, "ERR_NOT_A_FILE", path + " is no regular file");
    if (problem == EAGAIN || problem == EACCES) fail(env, "ERR_LOCKED", path + " is locked");
    if (problem != 0 && problem != EINTR) fail_with_errno(env, "ERR_NO_LOCKS", path + " cannot be locked", problem);
  }
  fail(env, "ERR_OPEN_FAILED", path + " is removed again and again");
}

Napi::Value FileLock::write(const Napi::CallbackInfo& info) {
  const std::string text = to_string(info[0], "text");
  if (file_ < 0) fail(info.Env(), "ERR_DISPOSED", "the lock was released");
  const bool written =
      ftruncate(file_, 0) == 0 && pwrite(file_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  return Napi::Boolean::New(info.Env(), written);
}

Napi::Value FileLock::release(const Napi::CallbackInfo& info) {
  close_file();
  return info.Env().Undefined();
}

void FileLock::close_file() {
  if (file_ >= 0) close(file_);
  file_ = -1;
}

}  // namespace pt::binding
