"""What a pod may be and do: the profile `restricted`, and more of the same kind."""

from collections.abc import Iterator

from manifests.checks import check
from manifests.objects import Manifests, at

TOKEN_FOR = frozenset({"prometheus"})  # it must find the other pods
VOLUMES = frozenset({"configMap", "secret", "emptyDir", "persistentVolumeClaim"})


@check("a process that is root in its container is one fault away from being root on the node")
def runs_as_non_root(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        context = at(workload.pod, "securityContext", default={})
        if context.get("runAsNonRoot") is not True:
            yield f"{workload.title}: the pod does not say runAsNonRoot"
        for key in ("runAsUser", "runAsGroup"):
            if not (isinstance(context.get(key), int) and context[key] > 0):
                yield f"{workload.title}: the pod names no {key} above 0; the image's may be root's"
        for where, container in workload.containers():
            for key in ("runAsNonRoot", "runAsUser", "runAsGroup"):
                if key in at(container, "securityContext", default={}):
                    yield f"{where}: says {key} otherwise than its pod"


@check("without a filter every system call of the kernel is open to whoever gets into a container")
def seccomp_is_on(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        if at(workload.pod, "securityContext", "seccompProfile", "type") != "RuntimeDefault":
            yield f"{workload.title}: the pod's seccompProfile is not RuntimeDefault"
        for where, container in workload.containers():
            if "seccompProfile" in at(container, "securityContext", default={}):
                yield f"{where}: has a seccompProfile of its own"


@check("nothing here needs more rights than it starts with")
def no_privileges(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for where, container in workload.containers():
            context = at(container, "securityContext", default={})
            if context.get("allowPrivilegeEscalation") is not False:
                yield f"{where}: allowPrivilegeEscalation is not false"
            if context.get("privileged"):
                yield f"{where}: is privileged"
            if at(context, "capabilities", "drop") != ["ALL"] or at(context, "capabilities", "add"):
                yield f"{where}: keeps capabilities"
            if context.get("procMount", "Default") != "Default":
                yield f"{where}: unmasks /proc"


@check("what cannot be written cannot be replaced by an intruder, and logs cannot fill the node's disk")
def root_is_read_only(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for where, container in workload.containers():
            if at(container, "securityContext", "readOnlyRootFilesystem") is not True:
                yield f"{where}: its root file system can be written"


@check("the node belongs to everybody")
def keeps_off_the_node(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for key in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
            if workload.pod.get(key):
                yield f"{workload.title}: {key}"
        for where, container in workload.containers():
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{where}: takes a port of the node"
        for volume in at(workload.pod, "volumes", default=[]):
            if not VOLUMES & volume.keys():
                yield f"{workload.title}: volume {volume.get('name')} is none of {', '.join(sorted(VOLUMES))}"


@check("an emptyDir without a bound can fill the node's disk or memory")
def scratch_space_is_bounded(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for volume in at(workload.pod, "volumes", default=[]):
            if "emptyDir" in volume and not at(volume, "emptyDir", "sizeLimit"):
                yield f"{workload.title}: volume {volume.get('name')} has no sizeLimit"


@check("a token that is not there cannot be stolen")
def token_only_where_needed(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        wanted = workload.name in TOKEN_FOR
        if workload.pod.get("automountServiceAccountToken") is not wanted:
            yield f"{workload.title}: automountServiceAccountToken is not {str(wanted).lower()}"
    for account in manifests.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {at(account, 'metadata', 'name')}: gives its token to every pod"


@check("rights given to one component must not be another's")
def has_its_own_account(manifests: Manifests) -> Iterator[str]:
    users: dict[str, str] = {}
    for workload in manifests.workloads():
        account = workload.pod.get("serviceAccountName")
        if account in (None, "default"):
            yield f"{workload.title}: runs as the namespace's default account"
            continue
        if manifests.find("ServiceAccount", account, workload.namespace) is None:
            yield f"{workload.title}: there is no ServiceAccount {account}"
        if account in users:
            yield f"{workload.title}: shares the account {account} with {users[account]}"
        users[account] = workload.title


@check("addresses of other services in the environment are a way around DNS and name what is to be attacked")
def no_service_links(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        if workload.pod.get("enableServiceLinks") is not False:
            yield f"{workload.title}: enableServiceLinks is not false"


@check("the cluster itself must refuse a pod that breaks the rules, also one that is not in these files")
def namespaces_are_restricted(manifests: Manifests) -> Iterator[str]:
    for namespace in manifests.of("Namespace"):
        for mode in ("enforce", "audit", "warn"):
            if at(namespace, "metadata", "labels", f"pod-security.kubernetes.io/{mode}") != "restricted":
                yield f"Namespace {at(namespace, 'metadata', 'name')}: does not {mode} the profile restricted"
