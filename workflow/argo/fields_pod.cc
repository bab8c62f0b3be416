// The fields of what Kubernetes' core/v1 gives to a pod: containers, environment, volumes,
// security.

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

template <class T>
ObjectType<T> key_selector(std::string_view name) {
  return {name,
          {field<T, &KeySelector::name>("name"), field<T, &KeySelector::key>("key"),
           field<T, &KeySelector::optional>("optional")}};
}

template <class T>
ObjectType<T> env_source(std::string_view name) {
  return {name, {field<T, &EnvSource::name>("name"), field<T, &EnvSource::optional>("optional")}};
}

template <class T>
ObjectType<T> container(std::string_view name, std::vector<Field<T>> own = {}) {
  ObjectType<T> type{
          name,
          {field<T, &Container::name>("name"),
           field<T, &Container::image>("image"),
           field<T, &Container::image_pull_policy>("imagePullPolicy", "unset is IfNotPresent, for :latest too"),
           field<T, &Container::command>("command"),
           field<T, &Container::args>("args"),
           field<T, &Container::working_dir>("workingDir"),
           field<T, &Container::env>("env"),
           field<T, &Container::env_from>("envFrom"),
           field<T, &Container::volume_mounts>("volumeMounts"),
           field<T, &Container::resources>("resources"),
           field<T, &Container::security_context>("securityContext"),
           field<T, &Container::tty>("tty"),
           field<T, &Container::stdin_open>("stdin"),
           silent<T>("stdinOnce", "standard input is empty"),
           silent<T>("ports", "documentation only, in Kubernetes too; a pod of its own network reaches all ports"),
           field<T, &Container::lifecycle>("lifecycle"),
           silent<T>("terminationMessagePath", "the message of a node comes from its exit"),
           silent<T>("terminationMessagePolicy", "the message of a node comes from its exit"),
           field<T, &Container::liveness_probe>("livenessProbe"),
           field<T, &Container::readiness_probe>("readinessProbe"),
           field<T, &Container::startup_probe>("startupProbe"),
           later<T>("resizePolicy", "a running container keeps its limits"),
           later<T>("restartPolicy", "init containers run once; use sidecars"),
           later<T>("restartPolicyRules", "init containers run once; use sidecars"),
           later<T>("volumeDevices", "there are no block devices of a cluster")}};
  type.fields.insert(type.fields.end(), own.begin(), own.end());
  return type;
}

/// What a probe and a lifecycle handler may do.
template <class T>
std::vector<Field<T>> actions() {
  return {field<T, &Action::exec>("exec"), field<T, &Action::http_get>("httpGet"),
          field<T, &Action::tcp_socket>("tcpSocket")};
}

template <class T>
ObjectType<T> security(std::string_view name, std::vector<Field<T>> own) {
  ObjectType<T> type{
      name,
      {field<T, &Security::run_as_user>("runAsUser"),
       field<T, &Security::run_as_group>("runAsGroup"),
       field<T, &Security::run_as_non_root>("runAsNonRoot"),
       field<T, &Security::seccomp_profile>("seccompProfile"), later<T>("appArmorProfile", "only seccomp, capabilities and users are set"),
       later<T>("seLinuxOptions", "only seccomp, capabilities and users are set"), later<T>("windowsOptions", "containers are Linux containers")}};
  type.fields.insert(type.fields.end(), own.begin(), own.end());
  return type;
}

}  // namespace

const ObjectType<ConfigMapKeySelector>& type_of(const ConfigMapKeySelector*) {
  static const auto type = key_selector<ConfigMapKeySelector>("ConfigMapKeySelector");
  return type;
}
const ObjectType<SecretKeySelector>& type_of(const SecretKeySelector*) {
  static const auto type = key_selector<SecretKeySelector>("SecretKeySelector");
  return type;
}

const ObjectType<FieldRef>& type_of(const FieldRef*) {
  using T = FieldRef;
  static const ObjectType<T> type{"ObjectFieldSelector",
                                  {field<T, &T::field_path>("fieldPath"), silent<T>("apiVersion", "there is one version")}};
  return type;
}

const ObjectType<EnvVarSource>& type_of(const EnvVarSource*) {
  using T = EnvVarSource;
  static const ObjectType<T> type{
      "EnvVarSource",
      {field<T, &T::config_map_key_ref>("configMapKeyRef"),
       field<T, &T::secret_key_ref>("secretKeyRef"), field<T, &T::field_ref>("fieldRef"),
       later_even_empty<T>("resourceFieldRef", "requests and limits are known where they are written"), later_even_empty<T>("fileKeyRef", "new in Kubernetes, and seldom used")}};
  return type;
}

const ObjectType<EnvVar>& type_of(const EnvVar*) {
  using T = EnvVar;
  static const ObjectType<T> type{"EnvVar",
                                  {field<T, &T::name>("name"), field<T, &T::value>("value"),
                                   field<T, &T::value_from>("valueFrom")}};
  return type;
}

const ObjectType<ConfigMapEnvSource>& type_of(const ConfigMapEnvSource*) {
  static const auto type = env_source<ConfigMapEnvSource>("ConfigMapEnvSource");
  return type;
}
const ObjectType<SecretEnvSource>& type_of(const SecretEnvSource*) {
  static const auto type = env_source<SecretEnvSource>("SecretEnvSource");
  return type;
}

const ObjectType<EnvFromSource>& type_of(const EnvFromSource*) {
  using T = EnvFromSource;
  static const ObjectType<T> type{
      "EnvFromSource",
      {field<T, &T::prefix>("prefix"), field<T, &T::config_map_ref>("configMapRef"),
       field<T, &T::secret_ref>("secretRef")}};
  return type;
}

const ObjectType<VolumeMount>& type_of(const VolumeMount*) {
  using T = VolumeMount;
  static const ObjectType<T> type{
      "VolumeMount",
      {field<T, &T::name>("name"), field<T, &T::mount_path>("mountPath"),
       field<T, &T::sub_path>("subPath"), field<T, &T::read_only>("readOnly"),
       later<T>("mountPropagation", "mounts do not propagate"), later<T>("recursiveReadOnly", "mounts do not propagate"), later<T>("subPathExpr", "use subPath, which takes {{…}}")}};
  return type;
}

const ObjectType<ResourceRequirements>& type_of(const ResourceRequirements*) {
  using T = ResourceRequirements;
  static const ObjectType<T> type{
      "ResourceRequirements",
      {field<T, &T::limits>("limits"), field<T, &T::requests>("requests"), later<T>("claims", "devices of a cluster are claimed there")}};
  return type;
}

const ObjectType<SeccompProfile>& type_of(const SeccompProfile*) {
  using T = SeccompProfile;
  static const ObjectType<T> type{"SeccompProfile",
                                  {field<T, &T::type>("type"), later<T>("localhostProfile", "RuntimeDefault and Unconfined are there")}};
  return type;
}

const ObjectType<Capabilities>& type_of(const Capabilities*) {
  using T = Capabilities;
  static const ObjectType<T> type{"Capabilities",
                                  {field<T, &T::add>("add"), field<T, &T::drop>("drop")}};
  return type;
}

const ObjectType<ExecAction>& type_of(const ExecAction*) {
  using T = ExecAction;
  static const ObjectType<T> type{"ExecAction", {field<T, &T::command>("command")}};
  return type;
}

const ObjectType<HttpHeader>& type_of(const HttpHeader*) {
  using T = HttpHeader;
  static const ObjectType<T> type{"HTTPHeader", {field<T, &T::name>("name"), field<T, &T::value>("value")}};
  return type;
}

const ObjectType<HttpGetAction>& type_of(const HttpGetAction*) {
  using T = HttpGetAction;
  static const ObjectType<T> type{
      "HTTPGetAction",
      {field<T, &T::path>("path"), field<T, &T::port>("port"), field<T, &T::host>("host"),
       field<T, &T::scheme>("scheme"), field<T, &T::headers>("httpHeaders")}};
  return type;
}

const ObjectType<TcpSocketAction>& type_of(const TcpSocketAction*) {
  using T = TcpSocketAction;
  static const ObjectType<T> type{"TCPSocketAction", {field<T, &T::port>("port"), field<T, &T::host>("host")}};
  return type;
}

const ObjectType<GrpcAction>& type_of(const GrpcAction*) {
  using T = GrpcAction;
  static const ObjectType<T> type{"GRPCAction", {field<T, &T::port>("port"), field<T, &T::service>("service")}};
  return type;
}

const ObjectType<SleepAction>& type_of(const SleepAction*) {
  using T = SleepAction;
  static const ObjectType<T> type{"SleepAction", {field<T, &T::seconds>("seconds")}};
  return type;
}

const ObjectType<Probe>& type_of(const Probe*) {
  using T = Probe;
  static const ObjectType<T> type = [] {
    ObjectType<T> probe{"Probe",
                        {field<T, &Action::grpc>("grpc"), field<T, &T::initial_delay>("initialDelaySeconds"),
                         field<T, &T::period>("periodSeconds"), field<T, &T::timeout>("timeoutSeconds"),
                         field<T, &T::success_threshold>("successThreshold"),
                         field<T, &T::failure_threshold>("failureThreshold"),
                         silent<T>("terminationGracePeriodSeconds", "the pod's own grace period holds")}};
    for (auto& action : actions<T>()) probe.fields.push_back(action);
    return probe;
  }();
  return type;
}

const ObjectType<LifecycleHandler>& type_of(const LifecycleHandler*) {
  using T = LifecycleHandler;
  static const ObjectType<T> type = [] {
    ObjectType<T> handler{"LifecycleHandler", {field<T, &Action::sleep>("sleep")}};
    for (auto& action : actions<T>()) handler.fields.push_back(action);
    return handler;
  }();
  return type;
}

const ObjectType<Lifecycle>& type_of(const Lifecycle*) {
  using T = Lifecycle;
  static const ObjectType<T> type{"Lifecycle",
                                  {field<T, &T::post_start>("postStart"), field<T, &T::pre_stop>("preStop"),
                                   silent<T>("stopSignal", "the image's stop signal is sent")}};
  return type;
}

const ObjectType<UserContainer>& type_of(const UserContainer*) {
  using T = UserContainer;
  static const auto type = container<T>("UserContainer", {field<T, &T::mirror_volume_mounts>("mirrorVolumeMounts")});
  return type;
}

const ObjectType<ContainerNode>& type_of(const ContainerNode*) {
  using T = ContainerNode;
  static const auto type = container<T>("ContainerNode", {field<T, &T::dependencies>("dependencies")});
  return type;
}

const ObjectType<ContainerSetRetry>& type_of(const ContainerSetRetry*) {
  using T = ContainerSetRetry;
  static const ObjectType<T> type{"ContainerSetRetryStrategy",
                                  {field<T, &T::duration>("duration"), field<T, &T::retries>("retries")}};
  return type;
}

const ObjectType<ContainerSetTemplate>& type_of(const ContainerSetTemplate*) {
  using T = ContainerSetTemplate;
  static const ObjectType<T> type{
      "ContainerSetTemplate",
      {field<T, &T::containers>("containers"), field<T, &T::volume_mounts>("volumeMounts"),
       field<T, &T::retry_strategy>("retryStrategy")}};
  return type;
}

const ObjectType<HostAlias>& type_of(const HostAlias*) {
  using T = HostAlias;
  static const ObjectType<T> type{"HostAlias", {field<T, &T::ip>("ip"), field<T, &T::hostnames>("hostnames")}};
  return type;
}

const ObjectType<DnsOption>& type_of(const DnsOption*) {
  using T = DnsOption;
  static const ObjectType<T> type{"PodDNSConfigOption", {field<T, &T::name>("name"), field<T, &T::value>("value")}};
  return type;
}

const ObjectType<DnsConfig>& type_of(const DnsConfig*) {
  using T = DnsConfig;
  static const ObjectType<T> type{
      "PodDNSConfig",
      {field<T, &T::nameservers>("nameservers"), field<T, &T::searches>("searches"),
       field<T, &T::options>("options")}};
  return type;
}

const ObjectType<PodSecurityContext>& type_of(const PodSecurityContext*) {
  using T = PodSecurityContext;
  static const auto type = security<T>(
      "PodSecurityContext", {field<T, &Security::fs_group>("fsGroup"),
                             field<T, &Security::supplemental_groups>("supplementalGroups"),
                             later<T>("fsGroupChangePolicy", "a volume gets its group when it is made"), later<T>("seLinuxChangePolicy", "only seccomp, capabilities and users are set"),
                             later<T>("supplementalGroupsPolicy", "groups of the image and of the pod are merged"), later<T>("sysctls", "the kernel is the host's")});
  return type;
}

const ObjectType<SecurityContext>& type_of(const SecurityContext*) {
  using T = SecurityContext;
  static const auto type =
      security<T>("SecurityContext",
                  {field<T, &Security::privileged>("privileged"),
                   field<T, &Security::allow_privilege_escalation>("allowPrivilegeEscalation"),
                   field<T, &Security::read_only_root_filesystem>("readOnlyRootFilesystem"),
                   field<T, &Security::capabilities>("capabilities"), later<T>("procMount", "the default one is mounted")});
  return type;
}

const ObjectType<Container>& type_of(const Container*) {
  static const auto type = container<Container>("Container");
  return type;
}

const ObjectType<ScriptTemplate>& type_of(const ScriptTemplate*) {
  static const auto type = [] {
    auto script = container<ScriptTemplate>("ScriptTemplate");
    script.fields.push_back(field<ScriptTemplate, &ScriptTemplate::source>("source"));
    return script;
  }();
  return type;
}

const ObjectType<EmptyDir>& type_of(const EmptyDir*) {
  using T = EmptyDir;
  static const ObjectType<T> type{
      "EmptyDirVolumeSource",
      {field<T, &T::medium>("medium"), field<T, &T::size_limit>("sizeLimit")}};
  return type;
}

const ObjectType<HostPath>& type_of(const HostPath*) {
  using T = HostPath;
  static const ObjectType<T> type{"HostPathVolumeSource",
                                  {field<T, &T::path>("path"), field<T, &T::type>("type")}};
  return type;
}

const ObjectType<KeyToPath>& type_of(const KeyToPath*) {
  using T = KeyToPath;
  static const ObjectType<T> type{
      "KeyToPath",
      {field<T, &T::key>("key"), field<T, &T::path>("path"), field<T, &T::mode>("mode")}};
  return type;
}

const ObjectType<SecretSource>& type_of(const SecretSource*) {
  using T = SecretSource;
  static const ObjectType<T> type{
      "SecretVolumeSource",
      {field<T, &T::name>("secretName"), field<T, &T::items>("items"),
       field<T, &T::default_mode>("defaultMode"), field<T, &T::optional>("optional")}};
  return type;
}

const ObjectType<ConfigMapSource>& type_of(const ConfigMapSource*) {
  using T = ConfigMapSource;
  static const ObjectType<T> type{
      "ConfigMapVolumeSource",
      {field<T, &T::name>("name"), field<T, &T::items>("items"),
       field<T, &T::default_mode>("defaultMode"), field<T, &T::optional>("optional")}};
  return type;
}

const ObjectType<ClaimSource>& type_of(const ClaimSource*) {
  using T = ClaimSource;
  static const ObjectType<T> type{
      "PersistentVolumeClaimVolumeSource",
      {field<T, &T::claim_name>("claimName"), field<T, &T::read_only>("readOnly")}};
  return type;
}

const ObjectType<Volume>& type_of(const Volume*) {
  using T = Volume;
  static const ObjectType<T> type = [] {
    ObjectType<T> volume{
        "Volume",
        {field<T, &T::name>("name"), field<T, &T::empty_dir>("emptyDir"),
         field<T, &T::host_path>("hostPath", "only below the paths that the configuration allows"), field<T, &T::secret>("secret", "of the daemon's store"),
         field<T, &T::config_map>("configMap", "of the daemon's store"), field<T, &T::claim>("persistentVolumeClaim", "a directory of the host that is kept")}};
    for (const char* source : {"awsElasticBlockStore",
                               "azureDisk",
                               "azureFile",
                               "cephfs",
                               "cinder",
                               "csi",
                               "downwardAPI",
                               "ephemeral",
                               "fc",
                               "flexVolume",
                               "flocker",
                               "gcePersistentDisk",
                               "gitRepo",
                               "glusterfs",
                               "image",
                               "iscsi",
                               "nfs",
                               "photonPersistentDisk",
                               "portworxVolume",
                               "projected",
                               "quobyte",
                               "rbd",
                               "scaleIO",
                               "storageos",
                               "vsphereVolume"}) {
      volume.fields.push_back(later_even_empty<T>(source, "a volume of a cluster or of a cloud"));
    }
    return volume;
  }();
  return type;
}

}  // namespace gantry::workflow::argo
