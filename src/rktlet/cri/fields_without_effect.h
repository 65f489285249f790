// SPDX-License-Identifier: Apache-2.0
// The fields of requests that change nothing, each with the reason why that does not deceive who sets it. Read by a
// person; docs/limits.md tells users. A field that is neither here nor of any effect fails request_fields_test.cc, and
// so does one that stands here and has an effect, or is no field any more.
#pragma once

#include <map>
#include <string>

namespace rktlet::cri {

// By the rpc and the field's path: that field, and all below it.
inline const std::map<std::string, std::string>& FieldsWithoutEffect() {
  static const std::string hint =
      "a hint for runtimes that choose by it where an image is unpacked: there is one store";
  static const std::string one_store =
      "an image is the same for every handler; whether a pod may have the handler is checked where it is made";
  static const std::string for_people = "what a person wrote, for messages; an image is found by its name or id";
  static const std::string of_answers = "CRI has it for answers, where it stands; an image is found by its name or id";
  static const std::string same_pod = "what RunPodSandbox was told, once more: a pod does not change, and that is kept";
  static const std::map<std::string, std::string> fields = {
      {"Version.version", "every kubelet says 0.1.0; what the runtime speaks is in the answer"},
      {"RunPodSandbox.config.linux.security_context.supplemental_groups_policy",
       "decides between the groups that an image's files name, and a pod has no process of an image"},
      {"CreateContainer.sandbox_config", same_pod},
      {"CreateContainer.config.image.annotations", hint},
      {"CreateContainer.config.image.image_ref", of_answers},
      {"CreateContainer.config.image.runtime_handler", one_store},
      {"CreateContainer.config.mounts.image.annotations", hint},
      {"CreateContainer.config.mounts.image.image_ref", of_answers},
      {"CreateContainer.config.mounts.image.runtime_handler", one_store},
      {"CreateContainer.config.mounts.image.user_specified_image", for_people},
      {"RestorePod.config.linux.security_context.supplemental_groups_policy",
       "decides between the groups that an image's files name, and a pod has no process of an image"},
      {"RestorePod.container_configs.image.annotations", hint},
      {"RestorePod.container_configs.image.image_ref", of_answers},
      {"RestorePod.container_configs.image.runtime_handler", one_store},
      {"RestorePod.container_configs.mounts.image.annotations", hint},
      {"RestorePod.container_configs.mounts.image.image_ref", of_answers},
      {"RestorePod.container_configs.mounts.image.runtime_handler", one_store},
      {"RestorePod.container_configs.mounts.image.user_specified_image", for_people},
      {"UpdateContainerResources.annotations", "for plugins that extend a runtime, of which there are none"},
      {"PullImage.sandbox_config", "the pod that needs the image, for messages: credentials come with the request"},
      {"PullImage.image.annotations", hint},
      {"PullImage.image.image_ref", of_answers},
      {"PullImage.image.runtime_handler", one_store},
      {"PullImage.image.user_specified_image", for_people},
      {"RemoveImage.image.annotations", hint},
      {"RemoveImage.image.image_ref", of_answers},
      {"RemoveImage.image.runtime_handler", one_store},
      {"RemoveImage.image.user_specified_image", for_people},
      {"ImageStatus.image.annotations", hint},
      {"ImageStatus.image.image_ref", of_answers},
      {"ImageStatus.image.runtime_handler", one_store},
      {"ImageStatus.image.user_specified_image", for_people},
      {"ListImages.filter.image.annotations", hint},
      {"ListImages.filter.image.image_ref", of_answers},
      {"ListImages.filter.image.runtime_handler", one_store},
      {"ListImages.filter.image.user_specified_image", for_people},
      {"StreamImages.filter.image.annotations", hint},
      {"StreamImages.filter.image.image_ref", of_answers},
      {"StreamImages.filter.image.runtime_handler", one_store},
      {"StreamImages.filter.image.user_specified_image", for_people},
  };
  return fields;
}

}  // namespace rktlet::cri
