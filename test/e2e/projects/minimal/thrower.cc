#include <exception>
#include <iostream>
#include <pthread.h>
#include <stdexcept>
#include <thread>

// Leaving a thread early unwinds its stack with libgcc_s, which libc loads at that moment.
static void *leave(void *) { pthread_exit(nullptr); }

int main() {
  std::exception_ptr caught;
  std::thread thrower([&] {
    try {
      throw std::runtime_error("thrown in another thread");
    } catch (...) {
      caught = std::current_exception();
    }
  });
  thrower.join();
  pthread_t leaver;
  pthread_create(&leaver, nullptr, leave, nullptr);
  pthread_join(leaver, nullptr);
  try {
    std::rethrow_exception(caught);
  } catch (const std::exception &error) {
    std::cout << "caught: " << error.what() << std::endl;
  }
}
