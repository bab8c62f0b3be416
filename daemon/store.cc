#include "daemon/store.h"

#include <deque>
#include <mutex>
#include <utility>

#include "daemon/store_check.h"
#include "daemon/store_events.h"
#include "daemon/store_history.h"
#include "daemon/store_list.h"
#include "daemon/store_resources.h"
#include "daemon/store_rows.h"
#include "daemon/store_schema.h"

namespace gantry {

/// A worker with a queue, for what reads long: it has a connection of its own, so that it holds no
/// commit up, and sees the store as it was when it was asked.
class Reader {
 public:
  using Query = std::function<void(Result<Database*>)>;

  Reader(std::string path, std::string vfs, const MakeStoreWorker& make_worker, const char* name)
      : path_(std::move(path)), vfs_(std::move(vfs)), worker_(make_worker(name, [this] { work(); })) {}
  ~Reader() {
    std::lock_guard lock(mutex_);
    closing_ = true;
    if (database_) database_->interrupt();  // nobody waits for the answer any more
  }

  void push(Query query) {
    {
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(query));
    }
    worker_->wake();
  }

 private:
  /// Answers what is in the queue.
  void work() {
    while (true) {
      Query query;
      {
        std::unique_lock lock(mutex_);
        if (queue_.empty()) return;
        query = std::move(queue_.front());
        queue_.pop_front();
        if (closing_) {
          lock.unlock();
          query(fail(Code::Cancelled, "gantryd is stopping"));
          continue;
        }
      }
      // Opened for each: a connection that has seen an error is not used again, and a query that goes
      // this way is long against an open.
      auto opened = Database::open(path_, vfs_);
      if (!opened) {
        query(fail(std::move(opened.error())));
        continue;
      }
      {
        std::lock_guard lock(mutex_);
        database_.emplace(std::move(*opened));
        if (closing_) database_->interrupt();
      }
      if (auto ready = database_->script(kReaderSettings); !ready) {
        query(fail(std::move(ready.error())));
      } else {
        query(&*database_);
      }
      std::lock_guard lock(mutex_);
      database_.reset();
    }
  }

  static constexpr const char* kReaderSettings = "PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;";

  const std::string path_, vfs_;
  std::mutex mutex_;
  std::deque<Query> queue_;
  bool closing_ = false;
  std::optional<Database> database_;  // while a query runs; written under mutex_
  std::unique_ptr<StoreWorker> worker_;  // goes first
};

class Store::Impl {
 public:
  Impl(Database database, std::string path, std::string vfs, const MakeStoreWorker& make_worker, Executor& executor)
      : path_(std::move(path)),
        vfs_(std::move(vfs)),
        database_(std::move(database)),
        executor_(executor),
        reader_(path_, vfs_, make_worker, "store-reader"),
        whole_reader_(path_, vfs_, make_worker, "store-whole"),
        worker_(make_worker("store", [this] { work(); })) {}

  /// Queues a change; `change` runs inside a transaction, perhaps twice (see commit_one_by_one).
  void write(std::function<Result<void>(Database&)> change,
             std::function<void(Result<void>)> done) {
    push({.change = std::move(change), .done = std::move(done)});
  }

  template <class T>
  void read(std::function<Result<T>(Database&)> query, std::function<void(Result<T>)> done) {
    push({.query = answering<T>(std::move(query), std::move(done))});
  }

  /// The same on a reader's thread, once all that was queued before is committed.
  template <class T>
  void read_aside(std::function<Result<T>(Database&)> query, std::function<void(Result<T>)> done) {
    push_to(reader_, answering<T>(std::move(query), std::move(done)));
  }
  /// For what reads the whole file, which lists do not wait for.
  template <class T>
  void read_whole(std::function<Result<T>(Database&)> query, std::function<void(Result<T>)> done) {
    push_to(whole_reader_, answering<T>(std::move(query), std::move(done)));
  }

 private:
  using Query = std::function<void(Result<Database*>)>;
  struct Job {
    std::function<Result<void>(Database&)> change;  // one of change and query
    std::function<void(Result<void>)> done;
    Query query;
  };
  using Jobs = std::deque<Job>;

  template <class T>
  Query answering(std::function<Result<T>(Database&)> query, std::function<void(Result<T>)> done) {
    return [this, query = std::move(query), done = std::move(done)](Result<Database*> database) {
      auto answer = std::make_shared<Result<T>>(database ? query(**database)
                                                         : Result<T>(fail(std::move(database.error()))));
      executor_.post([done, answer] { done(std::move(*answer)); });
    };
  }

  void push_to(Reader& reader, Query ask) {
    push({.query = [&reader, ask = std::move(ask)](Result<Database*>) { reader.push(ask); }});
  }

  void push(Job job) {
    {
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(job));
    }
    worker_->wake();
  }

  /// Does what is in the queue.
  void work() {
    while (true) {
      Jobs jobs;
      {
        std::lock_guard lock(mutex_);
        if (queue_.empty()) return;
        jobs.swap(queue_);
      }
      // Neighbouring changes share a transaction; a query between two changes sees what came before
      // it.
      while (!jobs.empty()) {
        if (jobs.front().query) {
          jobs.front().query(connection());
          jobs.pop_front();
          continue;
        }
        Jobs group;
        while (!jobs.empty() && !jobs.front().query) {
          group.push_back(std::move(jobs.front()));
          jobs.pop_front();
        }
        commit(std::move(group));
      }
    }
  }

  /// One transaction for the whole group. When a change in it fails, each gets a transaction of its
  /// own, so that one bad change takes nobody else's with it.
  void commit(Jobs group) {
    auto together = transaction([&](Database& database) -> Result<void> {
      for (Job& job : group) {
        if (auto done = job.change(database); !done) return done;
      }
      return {};
    });
    for (Job& job : group) {
      Result<void> result = together;
      if (!together && group.size() > 1) result = transaction(job.change);
      executor_.post([done = std::move(job.done), result = std::move(result)] { done(result); });
    }
  }

  Result<void> transaction(const std::function<Result<void>(Database&)>& change) {
    auto database = connection();
    if (!database) return fail(std::move(database.error()));
    if (auto begun = (*database)->run("BEGIN IMMEDIATE"); !begun) return given_up(std::move(begun.error()));
    Result<void> result = change(**database);
    if (result) result = (*database)->run("COMMIT");
    if (result) return result;
    // A failed COMMIT may or may not have ended the transaction (sqlite3_get_autocommit).
    if ((*database)->in_transaction()) (void)(*database)->run("ROLLBACK");
    return given_up(std::move(result.error()));
  }

  /// After an error of the disk nothing that the connection and its descriptors say is to be believed:
  /// a sync that fails once may succeed the next time without having written anything.
  Result<void> given_up(Error error) {
    const bool keeps = error.code == Code::AlreadyExists || error.code == Code::NotFound ||
                       error.code == Code::Aborted || error.code == Code::ResourceExhausted ||
                       error.code == Code::Unavailable || error.code == Code::InvalidArgument;
    if (!keeps) database_.reset();
    return fail(std::move(error));
  }

  /// The connection; opened again, and its WAL written anew, if it was given up.
  Result<Database*> connection() {
    if (!database_) {
      auto opened = reopen_database(path_, vfs_);
      if (!opened) return fail(std::move(opened.error()));
      database_.emplace(std::move(*opened));
    }
    return &*database_;
  }

  const std::string path_, vfs_;
  std::optional<Database> database_;  // the worker's only
  Executor& executor_;
  std::mutex mutex_;
  Jobs queue_;
  Reader reader_, whole_reader_;
  std::unique_ptr<StoreWorker> worker_;  // goes first
};

Store::Store() = default;
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& path, Executor& executor) {
  return open(path, executor, {});
}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, Executor& executor,
                                           Options options) {
  auto database = open_database(path, options.vfs);
  if (!database) return fail(std::move(database.error()));
  std::unique_ptr<Store> store(new Store);
  store->large_ = gantry::is_large(*database);
  const MakeStoreWorker make_worker = options.worker ? std::move(options.worker) : store_thread;
  store->impl_ = std::make_unique<Impl>(std::move(*database), path, std::move(options.vfs), make_worker, executor);
  return store;
}

void Store::write(std::shared_ptr<const StoreBatch> batch, std::function<void(Result<void>)> done) {
  impl_->write([batch = std::move(batch)](Database& database) { return rows::write(database, *batch); },
               std::move(done));
}

void Store::load_unfinished(Runs done) {
  impl_->read<std::vector<StoredRun>>(rows::unfinished, std::move(done));
}

void Store::load(const std::string& uid, Runs done) {
  impl_->read<std::vector<StoredRun>>(
      [uid](Database& database) { return rows::by_uid(database, uid); }, std::move(done));
}

void Store::load(const std::string& name_space, const std::string& name, Runs done) {
  impl_->read<std::vector<StoredRun>>(
      [name_space, name](Database& database) { return rows::by_name(database, name_space, name); },
      std::move(done));
}

void Store::list(api::ListQuery query, std::function<void(Result<Page>)> done) {
  impl_->read_aside<Page>(
      [query = std::move(query)](Database& database) { return rows::list(database, query); },
      std::move(done));
}

void Store::load_missing(std::vector<std::string> uids,
                         std::function<void(Result<std::vector<std::string>>)> done) {
  impl_->read<std::vector<std::string>>(
      [uids = std::move(uids)](Database& database) { return rows::missing(database, uids); }, std::move(done));
}

void Store::load_summaries(bool all, std::function<void(Result<std::vector<RunSummary>>)> done) {
  impl_->read<std::vector<RunSummary>>(
      [all](Database& database) { return rows::summaries(database, all); }, std::move(done));
}

void Store::load_surplus(HistoryLimits limits, Time now, std::size_t most,
                         std::function<void(Result<std::vector<std::string>>)> done) {
  impl_->read_aside<std::vector<std::string>>(
      [limits, now, most](Database& database) { return rows::surplus(database, limits, now, most); },
      std::move(done));
}

void Store::check_pages(std::function<void(Result<void>)> done) {
  impl_->read_whole<void>(check_database_pages, std::move(done));
}

void Store::load_events(const std::string& uid,
                        std::function<void(Result<std::vector<RunEvent>>)> done) {
  impl_->read_aside<std::vector<RunEvent>>(
      [uid](Database& database) { return rows::events(database, uid); }, std::move(done));
}

void Store::check(std::function<void(Result<StoreReport>)> done) {
  impl_->read_whole<StoreReport>(rows::check, std::move(done));
}

void Store::backup(const std::string& path, std::int64_t leave_free,
                   std::function<void(Result<UniqueFd>)> done) {
  impl_->read_whole<UniqueFd>(
      [path, leave_free](Database& database) { return rows::copy_to(database, path, leave_free); },
      std::move(done));
}

void Store::load_memos(std::function<void(Result<std::vector<engine::Memo>>)> done) {
  impl_->read<std::vector<engine::Memo>>(rows::memos, std::move(done));
}

void Store::load_resources(std::function<void(Result<Resources>)> done) {
  impl_->read<Resources>(rows::resources, std::move(done));
}

void Store::put_resource(Resource resource, bool replace, std::optional<std::int64_t> expected,
                         std::function<void(Result<void>)> done) {
  auto shared = std::make_shared<Resource>(std::move(resource));
  impl_->write(
      [shared, replace, expected](Database& database) {
        return rows::put_resource(database, *shared, replace, expected);
      },
      std::move(done));
}

void Store::remove_resource(api::ResourceKind kind, const std::string& name_space,
                            const std::string& name, std::int64_t version,
                            std::function<void(Result<void>)> done) {
  impl_->write(
      [kind, name_space, name, version](Database& database) {
        return rows::remove_resource(database, kind, name_space, name, version);
      },
      std::move(done));
}

void Store::put_object(api::ObjectKind kind, api::Object object, bool replace,
                       std::function<void(Result<void>)> done) {
  auto shared = std::make_shared<api::Object>(std::move(object));
  impl_->write(
      [kind, shared, replace](Database& database) {
        return rows::put_object(database, kind, *shared, replace);
      },
      std::move(done));
}

void Store::load_objects(api::ObjectKind kind,
                         std::function<void(Result<std::vector<api::Object>>)> done) {
  impl_->read<std::vector<api::Object>>(
      [kind](Database& database) { return rows::objects(database, kind); }, std::move(done));
}

void Store::remove_object(api::ObjectKind kind, const std::string& name_space,
                          const std::string& name, std::function<void(Result<void>)> done) {
  impl_->write(
      [kind, name_space, name](Database& database) {
        return rows::remove_object(database, kind, name_space, name);
      },
      std::move(done));
}

}  // namespace gantry
