#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include "workflow/expr/base64.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

std::string digest(const EVP_MD* kind, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size, kind,
             nullptr);
  out.resize(size);
  return out;
}
std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[byte & 0xF];
  }
  return out;
}
Value hashed(const EVP_MD* kind, Arguments args, Context& context) {
  if (!context.spend_steps(args[0].as_text().size() / 64 + 1)) return {};
  return Value::text(hex(digest(kind, args[0].as_text())));
}

void append_big_endian(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

/// bcrypt's own base64, which is what crypt(3) wants the salt in.
std::string bcrypt_salt(std::string_view bytes) {
  constexpr std::string_view kTheirs =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view kUsual =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (const char c : base64_encode(bytes)) {
    if (c != '=') out += kTheirs[kUsual.find(c)];
  }
  return out;
}

/// The hash, or what sprig says instead.
std::optional<std::string> bcrypt_of(std::string_view password, Context& context) {
  constexpr std::size_t kMost = 72;
  if (password.size() > kMost) {
    return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes";
  }
  if (!context.spend_steps(1'000'000)) return std::nullopt;  // it takes its time by design
  const auto salt = random_bytes(16, context);
  if (!salt) return std::nullopt;
  const std::string setting = "$2a$10$" + bcrypt_salt(*salt);
  // A text with a zero in it ends there for crypt(3); Go hashes all of it.
  if (password.find('\0') != std::string_view::npos) {
    context.fail("bcrypt: the text holds a zero byte");
    return std::nullopt;
  }
  auto state = std::make_unique<crypt_data>();
  std::memset(state.get(), 0, sizeof *state);
  const char* hash = crypt_r(std::string(password).c_str(), setting.c_str(), state.get());
  if (hash == nullptr || hash[0] == '*') {
    context.fail("failed to encrypt string with bcrypt");
    return std::nullopt;
  }
  return std::string(hash);
}

/// AES-256-CBC without padding; nothing when the sizes do not fit.
std::optional<std::string> aes(std::string_view password, std::string_view iv, std::string_view in,
                               bool encrypt) {
  std::array<unsigned char, 32> key{};
  std::memcpy(key.data(), password.data(), std::min(password.size(), key.size()));
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher(
      EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string out(in.size() + 16, '\0');
  int size = 0;
  int rest = 0;
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  if (EVP_CipherInit_ex(cipher.get(), EVP_aes_256_cbc(), nullptr, key.data(),
                        reinterpret_cast<const unsigned char*>(iv.data()), encrypt ? 1 : 0) != 1 ||
      EVP_CIPHER_CTX_set_padding(cipher.get(), 0) != 1 ||
      EVP_CipherUpdate(cipher.get(), to, &size, reinterpret_cast<const unsigned char*>(in.data()),
                       static_cast<int>(in.size())) != 1 ||
      EVP_CipherFinal_ex(cipher.get(), to + size, &rest) != 1) {
    return std::nullopt;
  }
  out.resize(static_cast<std::size_t>(size + rest));
  return out;
}

}  // namespace

Value sha1sum(Arguments args, Context& context) { return hashed(EVP_sha1(), args, context); }
Value sha256sum(Arguments args, Context& context) { return hashed(EVP_sha256(), args, context); }
Value sha512sum(Arguments args, Context& context) { return hashed(EVP_sha512(), args, context); }
Value adler32sum(Arguments args, Context&) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char byte : args[0].as_text()) {
    a = (a + static_cast<unsigned char>(byte)) % 65'521;
    b = (b + a) % 65'521;
  }
  return Value::text(std::to_string((b << 16) | a));
}

Value b64enc(Arguments args, Context& context) {
  return text_of(base64_encode(args[0].as_text()), context);
}
Value b64dec(Arguments args, Context& context) {
  auto bytes = base64_decode(args[0].as_text());
  return text_of(bytes ? std::move(*bytes) : bytes.error().message, context);
}
Value b32enc(Arguments args, Context& context) {
  return text_of(base32_encode(args[0].as_text()), context);
}
Value b32dec(Arguments args, Context& context) {
  auto bytes = base32_decode(args[0].as_text());
  return text_of(bytes ? std::move(*bytes) : bytes.error().message, context);
}

Value bcrypt(Arguments args, Context& context) {
  auto hash = bcrypt_of(args[0].as_text(), context);
  return hash ? Value::text(std::move(*hash)) : Value();
}
Value htpasswd(Arguments args, Context& context) {
  const std::string user(args[0].as_text());
  if (user.find(':') != std::string::npos) return Value::text("invalid username: " + user);
  const auto hash = bcrypt_of(args[1].as_text(), context);
  return hash ? Value::text(user + ":" + *hash) : Value();
}

/// The Master Password algorithm: counter, kind, password, user, site.
Value derive_password(Arguments args, Context& context) {
  struct Form {
    std::string_view kind;
    std::vector<std::string_view> templates;
  };
  static const std::vector<Form> forms = {
      {"maximum", {"anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"}},
      {"long",
       {"CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv",
        "CvccCvcvCvcvno", "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc",
        "CvcvCvcvnoCvcc", "CvcvCvcvCvccno", "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno",
        "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno", "CvccnoCvcvCvcc", "CvccCvcvnoCvcc",
        "CvccCvcvCvccno"}},
      {"medium", {"CvcnoCvc", "CvcCvcno"}},
      {"short", {"Cvcn"}},
      {"basic", {"aaanaaan", "aannaaan", "aaannaaa"}},
      {"pin", {"nnnn"}}};
  constexpr std::pair<char, std::string_view> kClasses[] = {
      {'V', "AEIOU"},
      {'C', "BCDFGHJKLMNPQRSTVWXYZ"},
      {'v', "aeiou"},
      {'c', "bcdfghjklmnpqrstvwxyz"},
      {'a', "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"},
      {'n', "0123456789"},
      {'o', "@&%?,=[]_:-+*$#!'^~;()/."},
      {'x', "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()"}};
  const std::string kind(args[1].as_text());
  const Form* form = nullptr;
  for (const Form& known : forms) {
    if (known.kind == kind) form = &known;
  }
  if (form == nullptr) return Value::text("cannot find password template " + kind);
  if (!context.spend_steps(1'000'000)) return {};  // scrypt takes its time by design

  const std::string_view password = args[2].as_text();
  std::string salt = "com.lyndir.masterpassword";
  std::string message = salt;
  append_big_endian(salt, static_cast<std::uint32_t>(args[3].as_text().size()));
  salt += args[3].as_text();
  std::array<unsigned char, 64> key{};
  if (EVP_PBE_scrypt(password.data(), password.size(),
                     reinterpret_cast<const unsigned char*>(salt.data()), salt.size(), 32'768, 8, 2,
                     64u << 20, key.data(), key.size()) != 1) {
    return context.fail("failed to derive password");
  }
  append_big_endian(message, static_cast<std::uint32_t>(args[4].as_text().size()));
  message += args[4].as_text();
  append_big_endian(message, static_cast<std::uint32_t>(args[0].as_int()));
  std::array<unsigned char, 32> seed{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), seed.data(), &size);
  std::string out;
  const std::string_view chosen = form->templates[seed[0] % form->templates.size()];
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    for (const auto& [letter, characters] : kClasses) {
      if (letter == chosen[i]) out += characters[seed[i + 1] % characters.size()];
    }
  }
  return Value::text(std::move(out));
}

Value encrypt_aes(Arguments args, Context& context) {
  if (args[1].as_text().empty()) return Value::borrowed("");
  const auto iv = random_bytes(16, context);
  if (!iv) return {};
  std::string content(args[1].as_text());
  const std::size_t padding = 16 - content.size() % 16;
  content.append(padding, static_cast<char>(padding));
  const auto out = aes(args[0].as_text(), *iv, content, true);
  if (!out) return context.fail("encryptAES failed");
  return text_of(base64_encode(*iv + *out), context);
}
Value decrypt_aes(Arguments args, Context& context) {
  if (args[1].as_text().empty()) return Value::borrowed("");
  const auto crypt = base64_decode(args[1].as_text());
  if (!crypt) return context.fail(crypt.error().message);
  if (crypt->size() < 32 || crypt->size() % 16 != 0) {
    return context.fail("crypto/cipher: input not full blocks");
  }
  auto out = aes(args[0].as_text(), std::string_view(*crypt).substr(0, 16),
                 std::string_view(*crypt).substr(16), false);
  if (!out) return context.fail("decryptAES failed");
  const auto padding = static_cast<unsigned char>(out->back());
  if (padding > out->size()) return context.fail("runtime error: slice bounds out of range");
  out->resize(out->size() - padding);
  return text_of(std::move(*out), context);
}

}  // namespace gantry::workflow::expr::sprig
