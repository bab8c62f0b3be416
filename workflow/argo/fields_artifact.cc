// The fields of artifacts and of the places where they are kept (argo-workflows pkg/apis/workflow/v1alpha1
// workflow_types.go). A location is only checked here and kept as a tree: the daemon reads it once its texts are
// rendered and its secrets known (daemon/artifact_location.h).

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

/// A field that must be a U and is not kept.
template <class T, class U>
Field<T> checked(std::string_view name) {
  return {name, Support::Yes, [](Reader& reader, const Node& node, T&) {
            U ignored;
            read(reader, node, ignored);
          }};
}

struct CreateBucket : Object {};
const ObjectType<CreateBucket>& type_of(const CreateBucket*) {
  using T = CreateBucket;
  static const ObjectType<T> type{"CreateS3BucketOptions", {later<T>("objectLocking", "not supported")}};
  return type;
}

struct S3 : Object {};
const ObjectType<S3>& type_of(const S3*) {
  using T = S3;
  static const ObjectType<T> type{
      "S3Artifact",
      {checked<T, Str>("key"), checked<T, Str>("bucket"), checked<T, Str>("endpoint"), checked<T, Str>("region"),
       checked<T, Flag>("insecure"), checked<T, SecretKeySelector>("accessKeySecret"),
       checked<T, SecretKeySelector>("secretKeySecret"), checked<T, SecretKeySelector>("sessionTokenSecret"),
       checked<T, SecretKeySelector>("caSecret"), checked<T, Str>("addressingStyle"),
       checked<T, CreateBucket>("createBucketIfNotPresent"), later<T>("roleARN", "give keys"), later<T>("useSDKCreds", "give keys"),
       later<T>("encryptionOptions", "not supported")}};
  return type;
}

struct BasicAuth : Object {};
const ObjectType<BasicAuth>& type_of(const BasicAuth*) {
  using T = BasicAuth;
  static const ObjectType<T> type{"BasicAuth",
                                  {checked<T, SecretKeySelector>("usernameSecret"),
                                   checked<T, SecretKeySelector>("passwordSecret")}};
  return type;
}

struct ClientCertAuth : Object {};
const ObjectType<ClientCertAuth>& type_of(const ClientCertAuth*) {
  using T = ClientCertAuth;
  static const ObjectType<T> type{"ClientCertAuth",
                                  {checked<T, SecretKeySelector>("clientCertSecret"),
                                   checked<T, SecretKeySelector>("clientKeySecret")}};
  return type;
}

struct EndpointParam : Object {};
const ObjectType<EndpointParam>& type_of(const EndpointParam*) {
  using T = EndpointParam;
  static const ObjectType<T> type{"OAuth2EndpointParam", {checked<T, Str>("key"), checked<T, Str>("value")}};
  return type;
}

struct OAuth2Auth : Object {};
const ObjectType<OAuth2Auth>& type_of(const OAuth2Auth*) {
  using T = OAuth2Auth;
  static const ObjectType<T> type{
      "OAuth2Auth",
      {checked<T, SecretKeySelector>("clientIDSecret"), checked<T, SecretKeySelector>("clientSecretSecret"),
       checked<T, SecretKeySelector>("tokenURLSecret"), checked<T, List<Str>>("scopes"),
       checked<T, List<EndpointParam>>("endpointParams")}};
  return type;
}

struct HttpAuth : Object {};
const ObjectType<HttpAuth>& type_of(const HttpAuth*) {
  using T = HttpAuth;
  static const ObjectType<T> type{"HTTPAuth",
                                  {checked<T, BasicAuth>("basicAuth"), checked<T, ClientCertAuth>("clientCert"),
                                   checked<T, OAuth2Auth>("oauth2")}};
  return type;
}

struct Header : Object {};
const ObjectType<Header>& type_of(const Header*) {
  using T = Header;
  static const ObjectType<T> type{"Header", {checked<T, Str>("name"), checked<T, Str>("value")}};
  return type;
}

struct Http : Object {};
const ObjectType<Http>& type_of(const Http*) {
  using T = Http;
  static const ObjectType<T> type{"HTTPArtifact",
                                  {checked<T, Str>("url"), checked<T, List<Header>>("headers"),
                                   checked<T, HttpAuth>("auth"), silent<T>("saveStreamViaFile", "always so")}};
  return type;
}

struct Git : Object {};
const ObjectType<Git>& type_of(const Git*) {
  using T = Git;
  static const ObjectType<T> type{
      "GitArtifact",
      {checked<T, Str>("repo"), checked<T, Str>("revision"), checked<T, Int>("depth"), checked<T, List<Str>>("fetch"),
       checked<T, SecretKeySelector>("usernameSecret"), checked<T, SecretKeySelector>("passwordSecret"),
       checked<T, SecretKeySelector>("sshPrivateKeySecret"), checked<T, Flag>("insecureIgnoreHostKey"),
       checked<T, Flag>("disableSubmodules"), checked<T, Flag>("singleBranch"), checked<T, Str>("branch"),
       checked<T, Flag>("insecureSkipTLS")}};
  return type;
}

struct Raw : Object {};
const ObjectType<Raw>& type_of(const Raw*) {
  using T = Raw;
  static const ObjectType<T> type{"RawArtifact", {checked<T, Str>("data")}};
  return type;
}

struct Tar : Object {};
const ObjectType<Tar>& type_of(const Tar*) {
  using T = Tar;
  static const ObjectType<T> type{"TarStrategy", {checked<T, Int>("compressionLevel")}};
  return type;
}
struct Plain : Object {};
const ObjectType<Plain>& type_of(const Plain*) {
  static const ObjectType<Plain> type{"NoneStrategy", {}};
  return type;
}
struct Archive : Object {};
const ObjectType<Archive>& type_of(const Archive*) {
  using T = Archive;
  static const ObjectType<T> type{
      "ArchiveStrategy", {checked<T, Tar>("tar"), checked<T, Plain>("none"), checked<T, Plain>("zip")}};
  return type;
}

/// One kind of place: checks it as a U, keeps the tree.
template <class T, class U>
void read_location(Reader& reader, const Node& node, T& out, std::string_view kind) {
  U checked;
  read(reader, node, checked);
  out.flawed |= checked.flawed || !out.kind.empty();
  if (!out.kind.empty()) {
    reader.error(node.at, "an artifact is kept in one place: " + std::string(out.kind) + " or " + std::string(kind));
  }
  out.kind = kind;
  out.node = &node;
}

template <class T>
std::vector<Field<T>> location_fields() {
  return {{"s3", Support::Yes, [](Reader& reader, const Node& node, T& out) { read_location<T, S3>(reader, node, out, "s3"); }},
          {"http", Support::Yes, [](Reader& reader, const Node& node, T& out) { read_location<T, Http>(reader, node, out, "http"); }},
          {"git", Support::Yes, [](Reader& reader, const Node& node, T& out) { read_location<T, Git>(reader, node, out, "git"); }},
          {"raw", Support::Yes, [](Reader& reader, const Node& node, T& out) { read_location<T, Raw>(reader, node, out, "raw"); }},
          field<T, &T::archive_logs>("archiveLogs"),
          later<T>("artifactory", "use s3, http or git"),
          later<T>("azure", "use s3, http or git"),
          later<T>("gcs", "use s3, http or git"),
          later<T>("hdfs", "use s3, http or git"),
          later<T>("oss", "use s3, http or git"),
          later<T>("plugin", "artifact plugins run beside Argo's controller")};
}

}  // namespace

const ObjectType<ArtifactLocation>& type_of(const ArtifactLocation*) {
  static const ObjectType<ArtifactLocation> type{"ArtifactLocation", location_fields<ArtifactLocation>()};
  return type;
}

const ObjectType<ArtifactGc>& type_of(const ArtifactGc*) {
  using T = ArtifactGc;
  static const ObjectType<T> type{
      "ArtifactGC",
      {field<T, &T::strategy>("strategy"), ignored<T>("podMetadata", "the daemon deletes them itself"),
       ignored<T>("serviceAccountName", "the daemon deletes them itself"), silent<T>("forceFinalizerRemoval", "there is no finalizer"),
       ignored<T>("podSpecPatch", "the daemon deletes them itself")}};
  return type;
}

const ObjectType<Artifact>& type_of(const Artifact*) {
  using T = Artifact;
  static const ObjectType<T> type = [] {
    ObjectType<T> artifact{
        "Artifact",
        {field<T, &T::name>("name"), field<T, &T::path>("path"), field<T, &T::mode>("mode"),
         field<T, &T::recurse_mode>("recurseMode"), field<T, &T::from>("from"),
         field<T, &T::from_expression>("fromExpression"), field<T, &T::sub_path>("subPath"),
         field<T, &T::optional>("optional"), field<T, &T::global_name>("globalName"), field<T, &T::gc>("artifactGC"),
         {"archive", Support::Yes,
          [](Reader& reader, const Node& node, T& out) {
            Archive checked;
            read(reader, node, checked);
            if (checked.set && !checked.flawed) out.archive = &node;
          }},
         silent<T>("deleted", "a run fills it in")}};  // a run fills it in
    auto location = location_fields<T>();
    artifact.fields.insert(artifact.fields.end(), location.begin(), location.end());
    return artifact;
  }();
  return type;
}

const ObjectType<ArtifactRepositoryRef>& type_of(const ArtifactRepositoryRef*) {
  using T = ArtifactRepositoryRef;
  static const ObjectType<T> type{"ArtifactRepositoryRef",
                                  {field<T, &T::config_map>("configMap"), field<T, &T::key>("key")}};
  return type;
}

}  // namespace gantry::workflow::argo
